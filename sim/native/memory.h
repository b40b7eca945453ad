// The memory below the accelerator: two request ports, two response ports, real contents (full build only).
//
// A read samples the contents when it is accepted, a write changes them when it is acknowledged: a design that does
// not wait for the acknowledgement before it reads back gets the old bytes, and its results are wrong.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "timing.h"

namespace dosa {

struct Request {
    bool valid = false;
    bool last = false;
    uint32_t tag = 0;
    uint32_t bytes = 0;
    uint64_t address = 0;
};

// What the memory drives in the next cycle.
struct Answer {
    bool read_ready = false;
    bool write_ready = false;
    bool read_valid = false;
    bool read_last = false;
    uint32_t read_tag = 0;
    bool write_valid = false;
    uint32_t write_tag = 0;
    uint32_t skip_cycles = 0;
};

constexpr uint32_t kTags = 64;

class Memory {
  public:
    // `contents` may be null (timing build): then only addresses are checked.
    Memory(const Settings& settings, uint8_t* contents, uint64_t size, Timing& timing);

    // One clock: takes the requests of this cycle, returns what is driven in the next one.
    // `beat_out` receives the read data, `write_beat` with `mask` is the write data, both of one beat; null without data.
    // A burst that is smaller than a beat is in its low bytes.
    const Answer& tick(const Request& read, const Request& write, bool quiescent, const uint8_t* write_beat,
                       uint64_t mask, uint8_t* beat_out);

    // Bytes of a beat: 16, 32 or 64; before the first request.
    void set_beat(uint32_t bytes);
    uint32_t beat_bytes() const { return beat_bytes_; }

    // Empty while everything was legal.
    const std::string& error() const { return error_; }

  private:
    struct Pending {
        uint64_t cycle;
        uint32_t tag;
    };
    struct Burst {
        bool open = false;
        uint32_t beats = 0;      // moved so far
        uint32_t bytes = 0;
        uint64_t address = 0;
        uint64_t mask = 0;
        uint8_t data[64] = {};
    };

    void accept_read(const Request& request);
    void accept_write(const Request& request, const uint8_t* beat, uint64_t mask);
    void drive_read(uint8_t* beat_out);
    void drive_write();
    bool drive_ready();
    uint32_t idle_cycles() const;
    bool legal(const Request& request, const char* what);
    void fail(const Request& request, const char* what, const char* why);
    bool stalled() { return settings_.stall_permille != 0 && random_.next() % 1000 < settings_.stall_permille; }

    Settings settings_;
    uint8_t* contents_;
    uint64_t size_;
    uint32_t beat_bytes_ = kBeatBytes;
    Timing& timing_;
    Random random_;
    uint64_t now_ = 0;
    Answer answer_;
    std::vector<Pending> reads_, writes_;  // waiting for their cycle, earliest last
    Burst read_[kTags], write_[kTags];
    bool sending_ = false;                 // a read burst is on the response port
    uint32_t sending_tag_ = 0;
    std::string error_;
};

}  // namespace dosa
