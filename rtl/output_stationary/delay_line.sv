// Delays data by Depth cycles; nothing waits.
module delay_line #(
    parameter type data_t = logic,
    parameter int unsigned Depth = 1
) (
    input logic clk_i,
    input logic rst_ni,
    input data_t data_i,
    output data_t data_o
);
  if (Depth == 0) begin : gen_wire
    logic unused;
    assign unused = clk_i && rst_ni;
    assign data_o = data_i;
  end else begin : gen_stages
    data_t [Depth-1:0] stages_q;
    assign data_o = stages_q[Depth-1];
    if (Depth == 1) begin : gen_one
      always_ff @(posedge clk_i or negedge rst_ni) begin
        if (!rst_ni) stages_q <= '0;
        else stages_q <= data_i;
      end
    end else begin : gen_many
      always_ff @(posedge clk_i or negedge rst_ni) begin
        if (!rst_ni) stages_q <= '0;
        else stages_q <= {stages_q[Depth-2:0], data_i};
      end
    end
  end
endmodule
