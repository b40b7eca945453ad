// SPDX-License-Identifier: Apache-2.0
// Size-independent types and constants of the Gemmini-like accelerator.
package gemmini_pkg;

  // One command on cmd_i: sixteen 32-bit words, word 0 in the low bits.
  localparam int unsigned CommandBits = 512;
  localparam int unsigned AddressBits = 40;
  localparam int unsigned TagBits = 6;

  // Performance counters, in the order of counters_o.
  typedef enum int unsigned {
    CounterCompute,
    CounterLoad,
    CounterStore,
    CounterFillDrain,
    CounterHost,
    CounterDramReadBytes,
    CounterDramWriteBytes,
    CounterScratchpadReadWords,
    CounterScratchpadWriteWords,
    CounterAccumulatorReadWords,
    CounterAccumulatorWriteWords,
    CounterWeightWriteWords,
    CounterMacs
  } counter_e;
  localparam int unsigned NumCounters = 13;

  localparam int unsigned DmaBytes = 64;      // largest memory request, and bytes of one mvin row
  localparam int unsigned ReadPipeStages = 5;  // scratchpad row: request to array input
  localparam int unsigned MinSlotRows = 4;
  localparam int unsigned ScaleChannels = 2048;  // output channels that can have a scale each

  // Sizes and structure of a design: one value for all modules.
  typedef struct packed {
    int unsigned dim;                // array of dim x dim elements
    int unsigned scratchpad_rows;
    int unsigned scratchpad_banks;
    int unsigned accumulator_rows;
    int unsigned accumulator_banks;
    int unsigned bus_bytes;          // of one beat
    int unsigned reads_in_flight;    // requested, last beat not yet arrived
    int unsigned writes_in_flight;   // sent, not yet acknowledged
    int unsigned load_entries;       // reservation station
    int unsigned execute_entries;
    int unsigned store_entries;
    int unsigned load_queue;         // commands between reservation station and controller
    int unsigned execute_queue;
    int unsigned store_queue;
    int unsigned array_slots;        // slots that have entered the array, one of them the next one's tag
    int unsigned tiles_in_flight;
    bit ordered_stores;              // a store waits until all older ones have completed
    bit loop_unrollers;
    bit plain_array;                 // processing elements one by one
    bit datapath;
  } design_t;

  localparam design_t DefaultDesign = '{
      dim: 16,
      scratchpad_rows: 16384,
      scratchpad_banks: 4,
      accumulator_rows: 1024,
      accumulator_banks: 2,
      bus_bytes: 16,
      reads_in_flight: 16,
      writes_in_flight: 16,
      load_entries: 8,
      execute_entries: 16,
      store_entries: 4,
      load_queue: 8,
      execute_queue: 8,
      store_queue: 2,
      array_slots: 6,
      tiles_in_flight: 2,
      ordered_stores: 1'b0,
      loop_unrollers: 1'b1,
      plain_array: 1'b0,
      datapath: 1'b1
  };

  function automatic int unsigned entries(design_t built);
    return built.load_entries + built.execute_entries + built.store_entries;
  endfunction

  // Entries of a class (0: loads, 1: executes, 2: stores), and the number of the first one.
  function automatic int unsigned class_entries(design_t built, int unsigned number);
    return number == 0 ? built.load_entries : number == 1 ? built.execute_entries : built.store_entries;
  endfunction

  function automatic int unsigned first_entry(design_t built, int unsigned number);
    return number == 0 ? 0 : number == 1 ? built.load_entries : built.load_entries + built.execute_entries;
  endfunction

`ifndef SYNTHESIS
  function automatic string entry_name(design_t built, int unsigned entry);
    // verilator no_inline_task
    if (entry < first_entry(built, 1)) return $sformatf("load %0d", entry);
    if (entry < first_entry(built, 2)) return $sformatf("execute %0d", entry - first_entry(built, 1));
    return $sformatf("store %0d", entry - first_entry(built, 2));
  endfunction
`endif

  // Reads requested whose last beat is not yet merged: half as many again as may wait for memory.
  function automatic int unsigned read_tags(design_t built);
    return built.reads_in_flight + (built.reads_in_flight + 1) / 2;
  endfunction

  // Bits of an index into `count` things.
  function automatic int unsigned index_bits(int unsigned count);
    return count > 1 ? $clog2(count) : 1;
  endfunction

  // Local rows: linear over the banks of one memory.
  localparam int unsigned RowBits = 22;
  typedef logic [RowBits-1:0] row_t;

  typedef struct packed {
    logic garbage;     // no operand
    logic acc;         // accumulator, else scratchpad
    logic accumulate;  // add to the row instead of overwriting it
    row_t row;
  } local_t;

  typedef enum logic [1:0] {
    OpLoad,
    OpPreload,
    OpCompute,
    OpStore
  } op_e;

  // One micro-operation as the reservation station holds it.
  typedef struct packed {
    op_e op;
    local_t operand;          // load: destination, preload: weights, compute: input rows, store: source
    local_t result;           // preload: output rows of the following compute; store: row of its scales; load: see
                              // load_scale
    logic [AddressBits-1:0] dram;
    logic [31:0] stride;      // load, store: DRAM bytes from row to row; compute: local rows
    logic [6:0] rows;
    logic [6:0] cols;         // elements of a row
    logic [6:0] result_rows;  // preload; load: see load_scale
    row_t block_stride;       // load, store: local rows from one DIM-column block to the next
    logic zeros;              // load: write zeros, read nothing
    logic refill;             // load: reads partial sums that earlier stores wrote
    logic wide;               // load, store: 32-bit elements
    logic flip;               // compute: uses the weights of the preload before it
  } uop_t;

  // What a load does to accumulator rows. It finds its scale in fields that only other operations need.
  typedef struct packed {
    logic accumulate;    // adds to the rows instead of overwriting them
    logic narrow;        // int8 elements: each less the zero point, times the multiplier
    logic [7:0] zero;
    row_t multiplier;
  } load_scale_t;

  function automatic load_scale_t load_scale(uop_t uop);
    return '{
        accumulate: uop.operand.acc && uop.operand.accumulate,
        narrow: uop.operand.acc && !uop.wide,
        zero: {uop.flip, uop.result_rows},
        multiplier: uop.result.row
    };
  endfunction

  // Entries of the reservation station name operations until they complete.
  localparam int unsigned EntryBits = 8;
  typedef logic [EntryBits-1:0] entry_t;

  typedef struct packed {
    entry_t entry;
    uop_t uop;
  } operation_t;

  typedef struct packed {
    logic valid;
    entry_t entry;
  } completion_t;

  // Memory ports without data and handshake.
  typedef struct packed {
    logic [TagBits-1:0] tag;
    logic [2:0] size;              // logarithm of the bytes
    logic [AddressBits-1:0] addr;  // of the whole burst, aligned to its size
  } read_request_t;

  typedef struct packed {
    logic valid;
    logic last;
    logic [TagBits-1:0] tag;
  } read_response_t;

  typedef struct packed {
    logic last;
    logic [TagBits-1:0] tag;
    logic [2:0] size;
    logic [AddressBits-1:0] addr;
  } write_request_t;

  typedef struct packed {
    logic valid;
    logic [TagBits-1:0] tag;
  } write_response_t;

  // One row of a load: up to 64 bytes, or one accumulator row.
  localparam int unsigned LoadSlotBits = 6;
  typedef struct packed {
    logic [AddressBits-1:0] dram;
    row_t row;
    row_t block_stride;
    logic [8:0] bytes;
    logic acc;
    logic wide;
    logic [6:0] copies;             // further local rows that get the same
    logic [LoadSlotBits-1:0] slot;  // the load command it belongs to
  } row_request_t;

  // One write of a load to a local memory, in bytes of that memory.
  typedef struct packed {
    logic acc;
    row_t row;
    logic [8:0] bytes;
  } local_write_t;

  // A write of multipliers and shifts: rows above those of the accumulator, counted from there.
  typedef struct packed {
    logic valid;
    row_t row;
  } scale_write_t;

  // One block of a store row.
  typedef struct packed {
    logic [AddressBits-1:0] dram;  // of the row's first block
    logic [8:0] bytes;
    logic [5:0] offset;            // bytes of the row before this block
    logic last;                    // last block of the row: write
    logic wide;
    logic first;                   // row of its window
    logic partial;                 // further rows of its window follow
  } store_block_t;

  // One slot of array rows: what it does besides feeding input rows. The result is that of the next slot.
  typedef struct packed {
    logic loads_weights;
    logic flip;           // input rows use the weights loaded last
    logic has_result;
    logic accumulate;
    row_t result_row;
    logic [6:0] result_rows;
    entry_t entry;        // preload that completes with the result
  } slot_t;

  // One row on its way to the array.
  typedef struct packed {
    logic valid;
    logic first;       // of its slot
    logic last;
    logic has_input;
    logic has_weight;
  } feed_t;

  // A row of sums on its way to the accumulator.
  typedef struct packed {
    logic valid;
    logic accumulate;
    row_t row;
  } result_t;

  // Work of a slot, for the counters.
  typedef struct packed {
    logic [6:0] compute_rows;
    logic [6:0] reduction;
    logic [6:0] columns;
    logic [6:0] weight_rows;
    logic [6:0] weight_columns;
    logic accumulate;
  } work_t;

  // What the counters count besides time, by the path in which it happens.
  typedef struct packed {
    logic burst;             // a read is merged, and its useful bytes
    logic [6:0] burst_bytes;
    logic write;             // a local write is taken
    local_write_t written;
    logic adds;              // it reads what it writes
  } load_events_t;

  typedef struct packed {
    logic row;               // a row is fed
    logic begins;            // a slot begins, and its work
    work_t work;
  } execute_events_t;

  typedef struct packed {
    logic burst;             // the first beat of a write is sent, and the burst's bytes
    logic [6:0] burst_bytes;
    logic read;              // an accumulator row is read, and its words
    logic [6:0] read_words;
  } store_events_t;

  // Commands: opcode in bits 3:0 of word 0.
  typedef enum logic [3:0] {
    CmdConfig = 4'd0,
    CmdLoopConv = 4'd1,
    CmdLoopMatmul = 4'd2,
    CmdLoad = 4'd3,
    CmdPreload = 4'd4,
    CmdCompute = 4'd5,
    CmdStore = 4'd6,
    CmdFence = 4'd7,
    CmdPool = 4'd8
  } command_e;

  // CmdPool: windows of the stores up to the next CmdConfig. Each of their rows is the maximum, after scaling, of the
  // accumulator rows of a window.
  typedef struct packed {
    row_t span;            // rows that a store reads beyond as many as it has rows, at most
    row_t line;            // rows from a line of a window to the next
    logic [7:0] step;      // from a window to the next
    logic [7:0] height;    // lines of a window
    logic [7:0] width;
    logic [3:0] opcode;
  } pool_t;

  localparam pool_t PlainStores = '{span: '0, line: '0, step: 8'd1, height: 8'd1, width: 8'd1, opcode: '0};

  // CmdConfig: constants of one layer, all strides in bytes.
  typedef struct packed {
    logic [7:0] high;            // word 15: bounds of int8 results, signed
    logic [7:0] low;
    logic [31:0] bias_pixel;     // word 14: int32 partial sums
    logic [31:0] bias_row;
    logic [31:0] bias_batch;
    logic [31:0] output_pixel;   // word 11
    logic [31:0] output_row;
    logic [31:0] output_batch;
    logic [31:0] weight_kch;     // word 8
    logic [31:0] weight_kcol;
    logic [31:0] weight_krow;
    logic [31:0] input_pixel;    // word 5
    logic [31:0] input_row;
    logic [31:0] input_batch;
    logic [15:0] dilation_h;     // word 2
    logic [15:0] dilation_w;
    logic [15:0] stride_h;       // word 1
    logic [15:0] stride_w;
    logic [7:0] padding;         // word 0: input outside the image
    logic [7:0] zero;            // added to int8 results
    logic reserved;              // bit 15
    logic [4:0] shift;           // bits 14:10, where the layer is not scaled
    logic [3:0] reserved_low;
    logic channel_scales;        // a row of scales for each block of channels, else one
    logic scaled;                // bit 4: multipliers and shifts from the table
    logic [3:0] opcode;
  } config_t;

  // CmdLoopConv, CmdLoopMatmul: one tile. Matmul: ocols = rows of A, ochs = columns of B, kchs = reduction.
  typedef struct packed {
    logic [7:0] reserved_top;
    logic [AddressBits-1:0] bias;    // words 14:13 low
    logic [AddressBits-1:0] out;
    logic [AddressBits-1:0] weights;
    logic [AddressBits-1:0] in;
    logic [15:0] icols_real;         // input columns inside the image
    logic [15:0] irows_real;
    logic [15:0] icols;              // input columns of the tile, padding included
    logic [15:0] irows;
    logic [15:0] lpad;
    logic [15:0] upad;
    logic [15:0] kchs;
    logic [15:0] kcols;
    logic [15:0] krows;
    logic [15:0] ochs;
    logic [15:0] ocols;
    logic [15:0] orows;
    logic [15:0] batches;
    logic [9:0] scale_row;           // scales of the first channels
    logic store_wide;                // store int32 partial sums
    logic store;                     // store int8 results, or partial sums
    logic refill;                    // start from int32 partial sums at bias
    logic accumulate;                // keep what the accumulator holds; else start from zero
    logic reserved_low;
    logic broadcast;                 // what it starts from is a bias: one row for all pixels
    logic [3:0] opcode;
  } loop_t;

  // Local rows from one position of a tile to another: products of its sizes, found once a tile.
  typedef struct packed {
    row_t input_line;    // convolution: rows of the input
    row_t input_image;
    row_t input_plane;   // of one block of channels
    row_t stride_line;   // from one output row's input to the next one's
    row_t dilation_line; // from one filter row's input to the next one's
    row_t tap_line;      // rows of the weights
    row_t weight_block;  // of one block of output channels
    row_t result_line;   // rows of the accumulator
    row_t result_image;
    row_t result_plane;
    row_t kch_blocks;    // matmul: rows from one element to the next, in blocks
    row_t och_blocks;
  } geometry_t;

  // A tile in flight, as the loop units see it.
  typedef struct packed {
    loop_t loop;
    row_t input_base;     // of its halves of the local memories
    row_t weight_base;
    row_t result_base;
    geometry_t geometry;
  } tile_t;
endpackage
