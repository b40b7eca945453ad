// Test bench side of the simulation: DPI functions of tb.sv, and the C functions by which Python hands over programs.
//
// One program at a time; everything is reset by dosa_load. The same functions serve cocotb (exported by the
// executable) and the in-process driver (exported by the shared library).
#include "bench.h"

#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <memory>

#include "memory.h"
#include "svdpi.h"
#include "verilated.h"

namespace dosa {

namespace {

constexpr uint32_t kCommandWords = 16;

const uint32_t* commands = nullptr;
uint64_t commands_left = 0;
uint32_t host_cycles = 0;
Loaded current;
std::unique_ptr<Timing> current_timing;
std::unique_ptr<Memory> memory;
std::string failure;  // of an assertion, or an error that the design found
std::string message;  // what the simulator said last

// The packed request_t of tb.sv.
Request unpack(uint64_t bits) {
    Request request;
    request.address = bits & ((1ull << 40) - 1);
    request.bytes = 1u << (bits >> 40 & 7);
    request.tag = bits >> 43 & 63;
    request.last = bits >> 49 & 1;
    request.valid = bits >> 50 & 1;
    return request;
}

// The packed answer_t of tb.sv.
uint64_t pack(const Answer& answer, bool error) {
    uint64_t bits = error;
    bits = bits << 1 | answer.read_ready;
    bits = bits << 1 | answer.write_ready;
    bits = bits << 1 | answer.read_valid;
    bits = bits << 1 | answer.read_last;
    bits = bits << 6 | answer.read_tag;
    bits = bits << 1 | answer.write_valid;
    bits = bits << 6 | answer.write_tag;
    return bits << 32 | answer.skip_cycles;
}

uint64_t tick(uint64_t read, uint64_t write, bool idle, const uint8_t* write_beat, uint64_t mask, uint8_t* beat) {
    const Answer& answer = memory->tick(unpack(read), unpack(write), idle, write_beat, mask, beat);
    return pack(answer, !memory->error().empty() || !failure.empty());
}

}  // namespace

const Loaded& loaded() { return current; }

Timing& timing() { return *current_timing; }

void report(const std::string& error) {
    if (failure.empty()) failure = error;
}

const std::string& run_error() { return failure.empty() && memory ? memory->error() : failure; }

}  // namespace dosa

using namespace dosa;

extern "C" {

// --- for Python ---

// Makes a program current. The arrays stay the caller's and must outlive the run; `contents` may be null.
void dosa_load(const uint32_t* words, uint64_t count, uint8_t* contents, uint64_t bytes, const Settings* settings) {
    commands = words;
    commands_left = count;
    host_cycles = settings->free_host != 0 ? 0 : settings->host_cycles;
    current = {*settings, contents, bytes, current.run + 1};
    current_timing = make_timing(*settings, bytes);
    memory = std::make_unique<Memory>(*settings, contents, bytes, *current_timing);
    failure.clear();
    message.clear();
}

const char* dosa_error() { return run_error().c_str(); }

// What the caches did in the current run so far; all 0 without caches.
void dosa_caches(CacheCounts* counts) { *counts = current_timing ? current_timing->counts() : CacheCounts{}; }

// --- for tb.sv ---

unsigned int dosa_host_cycles() { return host_cycles; }

void dosa_bus_bytes(unsigned int bytes) { memory->set_beat(bytes); }

svBit dosa_next_command(svBitVecVal* command) {
    if (commands_left == 0) {
        std::memset(command, 0, kCommandWords * sizeof(uint32_t));
        return 0;
    }
    std::memcpy(command, commands, kCommandWords * sizeof(uint32_t));
    if (current.settings.free_host != 0) command[kCommandWords - 1] &= 0xffff;
    commands += kCommandWords;
    commands_left -= 1;
    return 1;
}

uint64_t dosa_memory_timing(uint64_t read, uint64_t write, svBit idle, uint64_t mask) {
    return tick(read, write, idle != 0, nullptr, mask, nullptr);
}

uint64_t dosa_memory_full(uint64_t read, uint64_t write, svBit idle, uint64_t mask, const svBitVecVal* write_data,
                          svBitVecVal* read_data) {
    std::memset(read_data, 0, memory->beat_bytes());
    return tick(read, write, idle != 0, reinterpret_cast<const uint8_t*>(write_data), mask,
                reinterpret_cast<uint8_t*>(read_data));
}

}  // extern "C"

// What the simulator has to say; the text of an $error comes just before its vl_stop.
extern "C" int dosa_print(const char* format, ...) {
    char text[4096];
    va_list arguments;
    va_start(arguments, format);
    const int length = std::vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    message = text;
    return length;
}

// Verilator calls these when an assertion fails or $error or $fatal is met: the run ends with an error, the process
// goes on.
void vl_stop(const char* file, int line, const char* hierarchy) {
    const char* const slash = std::strrchr(file, '/');
    const std::string place = std::string(slash != nullptr ? slash + 1 : file) + ":" + std::to_string(line);
    // What follows "file:line: Assertion failed in scope: ".
    std::string text;
    size_t start = message.find(place + ": ");
    if (start != std::string::npos) start = message.find(": ", start + place.size() + 2);
    if (start != std::string::npos) text = message.substr(start + 2);
    while (!text.empty() && text.back() == '\n') text.pop_back();
    report("assertion failed in " + place + (text.empty() ? "" : ": " + text));
}

void vl_fatal(const char* file, int line, const char* hierarchy, const char*) { vl_stop(file, line, hierarchy); }
