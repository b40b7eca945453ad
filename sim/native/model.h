// The Verilated test bench behind plain functions, so that only model.cpp is compiled again for a new design.
#pragma once

#include <cstdint>

namespace dosa::model {

void create(int argc, char** argv);
void destroy();

// Settles the design after an input changed; `step` is one pass of the event loop that cocotb needs.
void step();
void end_step();

// Simulation time in steps; a clock period is two steps, the rising edge first.
uint64_t time();
void set_time(uint64_t steps);

// The design is between start and done.
bool running();

// Toggles the clock until done, or until another period would pass `deadline`.
void burst(uint64_t deadline);

// A port of tb.sv: its words, lowest first, and how many; null when there is no such port.
struct Port {
    uint32_t* words;
    uint32_t count;
    bool input;
    bool byte;  // a single bit stored in one byte
};
bool port(const char* name, Port& found);

}  // namespace dosa::model
