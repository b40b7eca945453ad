// `soc` memory: a set-associative L2 with random replacement above one serial port, a last-level cache and DRAM.
//
// Requests pass the L2 bank in order. A hit occupies it for its beats; a miss takes one of a few miss slots and the
// serial port, which moves one line at a time in either direction. A request that finds no free slot blocks those
// behind it, so hits and misses of one stream add up.
#pragma once

#include <vector>

#include "timing.h"

namespace dosa {

class SocTiming final : public Timing {
  public:
    explicit SocTiming(const Settings& settings);
    uint64_t read(const Access& access, uint64_t now) override;
    uint64_t write(const Access& access, uint64_t now) override;
    CacheCounts counts() const override { return counts_; }
    // Warms the caches with the program's memory, before the run.
    void warm(uint64_t bytes);
    uint64_t ready_at() const override { return bank_free_ > kQueueCycles ? bank_free_ - kQueueCycles : 0; }

  private:
    struct Line {
        uint64_t tag = ~0ull;
        uint64_t ready = 0;    // cycle in which the line's data is there
        uint64_t written = 0;  // cycle from which the next write to the line can start
        bool dirty = false;
    };
    static constexpr uint64_t kLineBytes = 64;
    static constexpr uint64_t kQueueCycles = 8;  // bank time that requests may wait in front of the bank

    Line* find(uint64_t line);
    Line& allocate(uint64_t line, bool fill, uint64_t start);
    uint64_t take_slot(uint64_t start);
    Line& look_up(const Access& access, bool fill, uint64_t start);
    bool last_level_hit(uint64_t line);
    uint64_t enter_bank(uint64_t now, uint64_t busy_sixteenths);

    Settings settings_;
    Random random_;
    CacheCounts counts_;
    uint64_t sets_;
    std::vector<Line> lines_;             // [sets][ways]
    std::vector<uint64_t> slots_;         // cycle in which each miss slot is free
    std::vector<uint64_t> last_level_;    // direct-mapped tags of the last-level cache
    uint64_t bank_free_ = 0;
    uint64_t bank_fraction_ = 0;          // sixteenths of a cycle beyond bank_free_
    uint64_t port_free_ = 0;
};

}  // namespace dosa
