// The state that one simulation process shares between Python, the test bench and the clock.
#pragma once

#include <string>

namespace dosa {

// First thing that went wrong in the current run: memory use, a failed assertion, the cycle budget. Empty if nothing.
const std::string& run_error();

}  // namespace dosa
