// See model.h. Compiled once a design, together with Verilator's output.
#include "model.h"

#include <cstring>
#include <memory>

#include "Vtb.h"
#include "Vtb___024root.h"
#include "verilated.h"

void Vtb___024root___eval(Vtb___024root* root);

namespace dosa::model {

namespace {

std::unique_ptr<VerilatedContext> context;
std::unique_ptr<Vtb> top;

}  // namespace

void create(int argc, char** argv) {
    context = std::make_unique<VerilatedContext>();
    Verilated::threadContextp(context.get());
    context->commandArgs(argc, argv);
    context->fatalOnError(false);
    context->randReset(2);
    context->randSeed(1);
    Verilated::fatalOnVpiError(false);
    top = std::make_unique<Vtb>(context.get(), "");
}

void destroy() {
    if (top == nullptr) return;
    top->final();
    top.reset();
    context.reset();
}

void step() { top->eval_step(); }
void end_step() { top->eval_end_step(); }
uint64_t time() { return context->time(); }
void set_time(uint64_t steps) { context->time(steps); }
bool running() { return top->go_i && !top->done_o; }

// Nothing in the design waits for a falling edge, so only rising ones are evaluated: the model is made to believe that
// its clock was low. Around the evaluation, Vtb::eval passes on messages of assertions; the timing build has none. Both
// take names from Verilator's output; a release that changes them does not compile.
void burst(uint64_t deadline) {
    Vtb___024root* const root = top->rootp;
    uint64_t now = context->time();
    if (!running() || now + 2 > deadline) return;
    top->clk_i = 1;
    do {
        context->time(now += 2);
        root->__Vtrigprevexpr___TOP__tb__DOT__clk_i__0 = 0;
#ifdef DOSA_ASSERTIONS
        top->eval();
#else
        Vtb___024root___eval(root);
#endif
    } while (running() && now + 2 <= deadline);
    top->clk_i = 0;
    top->eval();
}

bool port(const char* name, Port& found) {
    const auto is = [name](const char* other) { return std::strcmp(name, other) == 0; };
    const auto bit = [&found](CData& data, bool input) {
        found = Port{reinterpret_cast<uint32_t*>(&data), 1, input, true};
        return true;
    };
    const auto words = [&found](auto& data) {
        found = Port{reinterpret_cast<uint32_t*>(&data), sizeof(data) / sizeof(uint32_t), false, false};
        return true;
    };
    if (is("clk_i")) return bit(top->clk_i, true);
    if (is("rst_ni")) return bit(top->rst_ni, true);
    if (is("go_i")) return bit(top->go_i, true);
    if (is("done_o")) return bit(top->done_o, false);
    if (is("error_o")) return bit(top->error_o, false);
    if (is("cycles_o")) return words(top->cycles_o);
    if (is("host_cycles_o")) return words(top->host_cycles_o);
    if (is("counters_o")) return words(top->counters_o);
    return false;
}

}  // namespace dosa::model
