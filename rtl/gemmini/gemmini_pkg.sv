// Size-independent types and constants of the Gemmini-like accelerator.
package gemmini_pkg;

  // One command on cmd_i: sixteen 32-bit words, word 0 in the low bits.
  localparam int unsigned CommandBits = 512;
  localparam int unsigned AddressBits = 40;
  localparam int unsigned TagBits = 6;
  localparam int unsigned BeatBytes = 16;
  localparam int unsigned BeatBits = 8 * BeatBytes;

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

  // Platform constants.
  localparam int unsigned ScratchpadBanks = 4;
  localparam int unsigned AccumulatorBanks = 2;
  localparam int unsigned DmaBytes = 64;  // largest memory request, and bytes of one mvin row
  localparam int unsigned ReadsInFlight = 16;  // requested, last beat not yet arrived
  localparam int unsigned ReadTags = 24;       // requested, last beat not yet merged
  localparam int unsigned WriteTags = 16;
  localparam int unsigned LoadEntries = 8;
  localparam int unsigned ExecuteEntries = 16;
  localparam int unsigned StoreEntries = 4;
  localparam int unsigned Entries = LoadEntries + ExecuteEntries + StoreEntries;
  localparam int unsigned EntryBits = 5;
  localparam int unsigned LoadQueueDepth = 8;
  localparam int unsigned ExecuteQueueDepth = 8;
  localparam int unsigned StoreQueueDepth = 2;
  localparam int unsigned TagQueueDepth = 6;
  localparam int unsigned ReadPipeStages = 5;  // scratchpad row: request to array input
  localparam int unsigned MinSlotRows = 4;

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
    local_t result;           // preload: output rows of the following compute
    logic [AddressBits-1:0] dram;
    logic [31:0] stride;      // load, store: DRAM bytes from row to row; compute: local rows
    logic [6:0] rows;
    logic [6:0] cols;         // elements of a row
    logic [6:0] result_rows;
    row_t block_stride;       // load, store: local rows from one DIM-column block to the next
    logic zeros;              // load: write zeros, read nothing
    logic refill;             // load: reads partial sums that earlier stores wrote
    logic wide;               // load, store: 32-bit elements
    logic flip;               // compute: uses the weights of the preload before it
  } uop_t;

  typedef logic [EntryBits-1:0] entry_t;

  // One row of a load: up to 64 bytes, or one accumulator row.
  localparam int unsigned LoadSlotBits = 4;
  typedef struct packed {
    logic [AddressBits-1:0] dram;
    row_t row;
    row_t block_stride;
    logic [8:0] bytes;
    logic acc;
    logic wide;
    logic [LoadSlotBits-1:0] slot;  // the load command it belongs to
  } row_request_t;

  // One write of a load to a local memory.
  typedef struct packed {
    logic acc;
    row_t row;
    logic [8:0] bytes;
  } local_write_t;

  // One block of a store row.
  typedef struct packed {
    logic [AddressBits-1:0] dram;  // of the row's first block
    logic [8:0] bytes;
    logic [5:0] offset;            // bytes of the row before this block
    logic last;                    // last block of the row: write
    logic wide;
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

  // Work of a slot, for the counters.
  typedef struct packed {
    logic [6:0] compute_rows;
    logic [6:0] reduction;
    logic [6:0] columns;
    logic [6:0] weight_rows;
    logic [6:0] weight_columns;
    logic accumulate;
  } work_t;

  // Commands: opcode in bits 3:0 of word 0.
  typedef enum logic [3:0] {
    CmdConfig = 4'd0,
    CmdLoopConv = 4'd1,
    CmdLoopMatmul = 4'd2,
    CmdLoad = 4'd3,
    CmdPreload = 4'd4,
    CmdCompute = 4'd5,
    CmdStore = 4'd6,
    CmdFence = 4'd7
  } command_e;

  // CmdConfig: constants of one layer, all strides in bytes.
  typedef struct packed {
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
    logic [15:0] reserved;       // word 0
    logic relu;                  // bit 15
    logic [4:0] shift;           // bits 14:10
    logic [5:0] reserved_low;
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
    logic [9:0] reserved;
    logic store_wide;                // store int32 partial sums
    logic store;                     // store int8 results, or partial sums
    logic refill;                    // start from int32 partial sums at bias
    logic accumulate;                // keep what the accumulator holds; else start from zero
    logic [1:0] reserved_low;
    logic [3:0] opcode;
  } loop_t;

endpackage
