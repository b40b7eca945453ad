// The shared library that the ctypes driver loads: ports by name, single ticks, run until done.
#include <cstring>

#include "model.h"

using namespace dosa;

extern "C" {

void dosa_create() {
    static char name[] = "tb";
    static char* arguments[] = {name, nullptr};
    model::create(1, arguments);
}

void dosa_destroy() { model::destroy(); }

// Number of 32-bit words of a port, 0 when there is none of that name.
uint32_t dosa_port_words(const char* name) {
    model::Port port;
    return model::port(name, port) ? port.count : 0;
}

// Copies a port's value to `words`; false when there is none of that name.
bool dosa_get(const char* name, uint32_t* words) {
    model::Port port;
    if (!model::port(name, port)) return false;
    if (port.byte) {
        words[0] = *reinterpret_cast<const uint8_t*>(port.words);
    } else {
        std::memcpy(words, port.words, port.count * sizeof(uint32_t));
    }
    return true;
}

// Sets a one-bit input and settles the design; false when there is no such input.
bool dosa_set(const char* name, uint8_t value) {
    model::Port port;
    if (!model::port(name, port) || !port.input) return false;
    *reinterpret_cast<uint8_t*>(port.words) = value;
    model::step();
    model::end_step();
    return true;
}

// Toggles the clock until done, or for `cycles` clock periods; returns whether it is done.
bool dosa_run(uint64_t cycles) {
    model::burst(model::time() + 2 * cycles);
    return !model::running();
}

}  // extern "C"
