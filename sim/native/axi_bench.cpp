// DPI functions of the test bench for designs with AXI4 ports (sim/tb/axi4/tb.sv).
#include <cstring>
#include <memory>

#include "axi.h"
#include "bench.h"
#include "svdpi.h"

namespace dosa {

namespace {

std::unique_ptr<AxiMemory> memory;
uint64_t run = 0;  // that `memory` was made for

// The packed address_t of tb.sv.
AxiAddress unpack(uint64_t bits) {
    AxiAddress address;
    address.address = bits & ((1ull << 40) - 1);
    address.beats = (bits >> 40 & 255) + 1;
    address.beat_bytes = 1u << (bits >> 48 & 7);
    address.burst = bits >> 51 & 3;
    address.id = bits >> 53 & 63;
    address.valid = bits >> 59 & 1;
    return address;
}

// The packed answer_t of tb.sv.
uint32_t pack(const AxiOut& out, bool error) {
    uint32_t bits = error;
    bits = bits << 1 | out.read_address_ready;
    bits = bits << 1 | out.write_address_ready;
    bits = bits << 1 | out.data_ready;
    bits = bits << 1 | out.read_valid;
    bits = bits << 1 | out.read_last;
    bits = bits << 6 | out.read_id;
    bits = bits << 1 | out.answer_valid;
    return bits << 6 | out.answer_id;
}

const AxiOut& tick(uint64_t read, uint64_t write, uint32_t flags, const uint8_t* data) {
    if (run != loaded().run) {
        run = loaded().run;
        memory = std::make_unique<AxiMemory>(loaded().settings, loaded().contents, loaded().bytes, timing());
    }
    AxiIn in;
    in.read = unpack(read);
    in.write = unpack(write);
    in.strobes = flags & 0xffff;
    in.data_valid = flags >> 16 & 1;
    in.data_last = flags >> 17 & 1;
    in.read_ready = flags >> 18 & 1;
    in.answer_ready = flags >> 19 & 1;
    in.bus_bytes = 1u << (flags >> 20 & 7);
    in.data = data;
    const AxiOut& out = memory->tick(in);
    if (!memory->error().empty()) report(memory->error());
    return out;
}

}  // namespace

}  // namespace dosa

using namespace dosa;

extern "C" {

unsigned int dosa_axi_timing(uint64_t read, uint64_t write, unsigned int flags) {
    const AxiOut& out = tick(read, write, flags, nullptr);
    return pack(out, !run_error().empty());
}

unsigned int dosa_axi_full(uint64_t read, uint64_t write, unsigned int flags, const svBitVecVal* write_data,
                           svBitVecVal* read_data) {
    const AxiOut& out = tick(read, write, flags, reinterpret_cast<const uint8_t*>(write_data));
    std::memcpy(read_data, out.data, sizeof out.data);
    return pack(out, !run_error().empty());
}

void dosa_bus_error(unsigned int address, unsigned int response) {
    report("AXI4-Lite write to address " + std::to_string(address) + " was answered with " + std::to_string(response));
}

}  // extern "C"
