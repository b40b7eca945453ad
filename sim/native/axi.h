// The memory below an accelerator with AXI4 ports: the timing of `memory.h` behind the five channels of AXI4.
//
// The bus has 4, 8 or 16 bytes. A burst is cut at 64-byte lines; each part is one access of the timing model, of the smallest aligned 16, 32 or 64
// bytes that hold it. A read samples the contents when its access starts, a write changes them when it is answered.
// Bursts of different identifiers are answered in the order in which their data is there, those of one identifier in
// the order in which they were accepted; beats of a burst are not interleaved with others.
#pragma once

#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "timing.h"

namespace dosa {

// An address channel in one cycle.
struct AxiAddress {
    bool valid = false;
    uint32_t id = 0;
    uint64_t address = 0;
    uint32_t beats = 0;
    uint32_t beat_bytes = 0;
    uint32_t burst = 0;
};

// What the design drives in a cycle.
struct AxiIn {
    AxiAddress read, write;
    bool data_valid = false, data_last = false;
    uint32_t strobes = 0;
    uint32_t bus_bytes = 16;
    const uint8_t* data = nullptr;  // [bus_bytes], null without data
    bool read_ready = false, answer_ready = false;
};

// What the memory drives in the next one.
struct AxiOut {
    bool read_address_ready = false, write_address_ready = false, data_ready = false;
    bool read_valid = false, read_last = false;
    uint32_t read_id = 0;
    bool answer_valid = false;
    uint32_t answer_id = 0;
    uint8_t data[16] = {};  // as many as the bus has
};

class AxiMemory {
  public:
    // `contents` may be null (timing build): then only addresses are checked.
    AxiMemory(const Settings& settings, uint8_t* contents, uint64_t size, Timing& timing);

    // One clock.
    const AxiOut& tick(const AxiIn& in);

    // Empty while everything was legal.
    const std::string& error() const { return error_; }

  private:
    struct Read {
        AxiAddress burst;
        uint32_t started = 0;  // beats whose access has started
        uint32_t sent = 0;
        std::vector<uint64_t> cycle;  // in which each started beat may go out
        std::vector<uint8_t> data;    // of the started beats, kBeatBytes each
    };
    struct Beat {
        bool last;
        uint32_t strobes;
        uint8_t data[16];
    };
    struct Write {
        AxiAddress burst;
        std::vector<Beat> beats;
        uint32_t line_beat = 0;  // first beat of the present line
        uint64_t cycle = 0;      // of the answer
        bool complete = false;
    };
    void take(const AxiIn& in);
    void start_read();
    void take_beats();
    void take_beat(Write& write);
    void drive_read();
    void drive_answer();
    void store(const Write& write);
    bool legal(const AxiAddress& burst, const char* what);
    void fail(const AxiAddress& burst, const std::string& what);
    bool stalled() { return settings_.stall_permille != 0 && random_.next() % 1000 < settings_.stall_permille; }
    uint32_t delay() { return settings_.stall_permille != 0 ? random_.next() % 64 : 0; }

    Settings settings_;
    uint8_t* contents_;
    uint64_t size_;
    Timing& timing_;
    Random random_;
    uint64_t now_ = 0;
    uint32_t bus_bytes_ = 16;
    AxiOut out_;
    std::list<Read> reads_;    // in the order of acceptance
    std::list<Write> writes_;  // likewise
    std::deque<Beat> beats_;   // that came before their address
    Read* sending_ = nullptr;
    Write* answering_ = nullptr;
    std::string error_;
};

}  // namespace dosa
