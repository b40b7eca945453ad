// The test bench of a waveform build: model.cpp, and a run that writes every signal at both edges of the clock.
#include "model.cpp"

#if defined(DOSA_FST)
#include "verilated_fst_c.h"
using Trace = VerilatedFstC;
#elif defined(DOSA_SAIF)
#include "verilated_saif_c.h"
using Trace = VerilatedSaifC;
#else
#include "verilated_vcd_c.h"
using Trace = VerilatedVcdC;
#endif

using namespace dosa::model;

namespace {

constexpr int kAllLevels = 99;
std::unique_ptr<Trace> trace;

}  // namespace

extern "C" {

// Opens the file; to be called before the first evaluation. False when it cannot be written.
bool dosa_wave_open(const char* path) {
    context->traceEverOn(true);
    trace = std::make_unique<Trace>();
    top->trace(trace.get(), kAllLevels);
    trace->open(path);
    return trace->isOpen();
}

// Runs until done, or for `cycles` clock periods, two time units each; returns the periods. The file is then complete.
uint64_t dosa_wave_run(uint64_t cycles) {
    uint64_t run = 0;
    for (; run < cycles && running(); ++run) {
        for (const bool level : {true, false}) {
            top->clk_i = level;
            context->timeInc(1);
            top->eval();
            trace->dump(2 * run + !level);
        }
    }
    trace->close();
    trace.reset();
    return run;
}

}  // extern "C"
