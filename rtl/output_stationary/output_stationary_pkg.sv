// Types and pure functions of the output-stationary accelerator; sizes are parameters of its modules.
package output_stationary_pkg;
  // Bus.
  localparam int unsigned BeatBits = 128;
  localparam int unsigned BeatBytes = BeatBits / 8;
  localparam int unsigned LineBytes = 64;  // no burst crosses a boundary of this
  localparam int unsigned LineBeats = LineBytes / BeatBytes;
  localparam int unsigned AxiAddressBits = 40;
  localparam int unsigned AxiIdBits = 6;
  localparam logic [2:0] BeatSize = 3'd4;  // log2 of BeatBytes, as on axsize
  localparam logic [1:0] BurstIncrement = 2'd1;
  localparam int unsigned ReadsInFlight = 16;

  typedef logic [31:0] address_t;  // bytes in memory
  typedef logic [23:0] row_t;  // rows of DIM bytes in the scratchpad; offsets wrap around
  typedef logic [15:0] count_t;
  typedef logic [17:0] coordinate_t;  // of an input pixel in the loaded window; negative ones wrap around
  typedef logic [5:0] span_t;  // 1 to DIM
  typedef logic [11:0] sum_index_t;  // which of the sums that a processing element keeps

  // Beats of one burst, as an AXI4 address channel carries them.
  typedef struct packed {
    address_t address;
    logic [7:0] beats;  // less one
  } burst_t;

  // What the receiver must know of a burst.
  typedef struct packed {
    logic [3:0] offset;  // of the first useful byte in the first beat
    logic [6:0] bytes;  // useful ones
    logic last;  // of a tile
  } load_t;

  // A strided copy from memory to consecutive scratchpad rows: three loops around runs of rows.
  typedef struct packed {
    logic [2:0][31:0] step;  // bytes from turn to turn, innermost loop lowest
    logic [15:0] unused_count;
    logic [2:0][15:0] count;
    logic [7:0] unused_run;
    row_t run;  // rows without a gap; 0: nothing to copy
    address_t address;
  } copy_t;

  // What the array does with a tile. Outputs lie in lines of pixels; DIM pixels of a line share a block. Steps are in
  // rows of the scratchpad for inputs and in bytes of memory for outputs.
  typedef struct packed {
    logic [5:0] unused_flags;
    logic last;  // the sums are complete after this tile
    logic first;  // they begin with it
    logic relu;
    logic [4:0] shift;
    span_t last_ochs;  // output channels of the last block
    span_t last_chans;  // input channels of the last block
    span_t last_pixels;  // pixels of the last block of a line
    // Outputs in memory.
    address_t out_batch;
    address_t out_ochs;  // to the next block of DIM output channels
    address_t out_line;
    address_t out_pixel;
    address_t out;
    // Inputs in the scratchpad, and the first row of the weights.
    row_t weights;
    row_t batch;
    row_t chans;  // to the next block of DIM input channels
    row_t line;
    row_t line_tap;
    row_t pixel;
    row_t pixel_tap;
    row_t origin;  // of output pixel 0 and tap 0, which may lie outside
    // The window: coordinates outside of its size are zero padding.
    count_t line_size;
    count_t pixel_size;
    count_t line_pad;
    count_t pixel_pad;
    logic [7:0] line_stride;
    logic [7:0] pixel_stride;
    logic [7:0] line_dilation;
    logic [7:0] pixel_dilation;
    // Loops, innermost lowest: input channel blocks, filter taps along a line and across, pixel blocks of a line,
    // lines, output channel blocks, batches.
    logic [15:0] unused_count;
    logic [6:0][15:0] count;
  } work_t;

  typedef struct packed {
    work_t work;
    copy_t weights;
    copy_t inputs;
  } tile_t;
  localparam int unsigned TileWords = $bits(tile_t) / 32;

  // One step of the reduction on its way through the array.
  typedef struct packed {
    logic valid;
    logic start;  // take the sum up: from zero when `clear`, else where it was put down
    logic clear;
    logic stop;  // put the sum down
    sum_index_t index;
  } step_t;

  // A block of complete sums on its way to memory.
  typedef struct packed {
    address_t address;
    address_t pixel;  // bytes from pixel to pixel
    span_t pixels;
    sum_index_t index;
    logic relu;
    logic [4:0] shift;
  } result_t;

  // What happens in a cycle, for the counters.
  typedef struct packed {
    logic stepping;  // the array is fed
    logic loading;
    logic storing;
    logic [6:0] loaded_bytes;
    logic [6:0] stored_bytes;
    logic [6:0] input_words;
    logic [6:0] weight_words;
    logic [11:0] macs;
    logic [11:0] taken_sums;
    logic [11:0] put_sums;
    logic [6:0] drained_sums;
  } events_t;

  // int32 to int8: arithmetic shift right with round half to even, optional ReLU, saturation.
  function automatic logic [7:0] requantise(logic signed [31:0] sum, logic [4:0] shift, logic relu);
    automatic logic signed [32:0] rounded;
    automatic logic half, sticky;
    rounded = 33'(sum >>> shift);
    half = shift != '0 && sum[shift-5'd1];
    sticky = shift > 5'd1 && (sum & ((32'sd1 << (shift - 5'd1)) - 32'sd1)) != '0;
    if (half && (sticky || rounded[0])) rounded = rounded + 33'sd1;
    if (relu && rounded < 33'sd0) return '0;
    if (rounded > 33'sd127) return 8'h7f;
    if (rounded < -33'sd128) return 8'h80;
    return rounded[7:0];
  endfunction
endpackage
