// The state that one simulation process shares between Python, the test bench and the clock.
#pragma once

#include <cstdint>
#include <string>

#include "timing.h"

namespace dosa {

// First thing that went wrong in the current run: memory use, a failed assertion, the cycle budget. Empty if nothing.
const std::string& run_error();

// Ends the current run with an error; the first one counts.
void report(const std::string& error);

// What dosa_load was given.
struct Loaded {
    Settings settings;
    uint8_t* contents;  // null in a timing build
    uint64_t bytes;
    uint64_t run;  // changes with every load
};
const Loaded& loaded();

// When the memory of the current run answers.
Timing& timing();

}  // namespace dosa
