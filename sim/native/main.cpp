// The simulation executable that cocotb runs in.
//
// Between events that cocotb asked for, it normally hands control to Python at every clock edge. Here the clock runs
// without Python while a program is between start and done (a burst); then the usual order of VPI regions resumes.
// DOSA_HIL_BURST=0 turns bursts off, so that a clock driven by cocotb can serve as a cross-check.
#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "model.h"
#include "verilated.h"
#include "verilated_vpi.h"

extern "C" void vlog_startup_routines_bootstrap(void);

namespace {

void settle() {
    while (VerilatedVpi::callValueCbs()) {
    }
}

// Evaluates until neither the design nor Python changes anything at this time (IEEE 1800 active and read-write).
void settle_time_step() {
    do {
        do {
            dosa::model::step();
            VerilatedVpi::clearEvalNeeded();
            VerilatedVpi::doInertialPuts();
            settle();
        } while (VerilatedVpi::evalNeeded());
        VerilatedVpi::callCbs(cbReadWriteSynch);
        VerilatedVpi::doInertialPuts();
        settle();
    } while (VerilatedVpi::evalNeeded());
    dosa::model::end_step();
    VerilatedVpi::callCbs(cbReadOnlySynch);
}

void run(bool bursts) {
    while (!Verilated::gotFinish()) {
        settle_time_step();
        const uint64_t deadline = VerilatedVpi::cbNextDeadline();
        if (bursts && dosa::model::running()) {
            const uint64_t before = dosa::model::time();
            dosa::model::burst(deadline);
            if (dosa::model::time() != before) {
                settle();
                continue;
            }
        }
        if (deadline == ~0ull) break;
        dosa::model::set_time(deadline);
        VerilatedVpi::callCbs(cbNextSimTime);
        settle();
        VerilatedVpi::callTimedCbs();
        settle();
    }
}

}  // namespace

int main(int argc, char** argv) {
    const char* const burst = std::getenv("DOSA_HIL_BURST");
    dosa::model::create(argc, argv);
    vlog_startup_routines_bootstrap();
    VerilatedVpi::callCbs(cbStartOfSimulation);
    settle();
    run(burst == nullptr || std::strcmp(burst, "0") != 0);
    VerilatedVpi::callCbs(cbEndOfSimulation);
    dosa::model::destroy();
    return 0;
}
