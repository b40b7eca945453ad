// When a memory answers: the timing half of the memory models, without any data.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>

namespace dosa {

// Everything that a program brings along besides its commands. Python mirrors this layout (sim/memory.py).
struct Settings {
    uint32_t soc;                  // 0: `simple`, 1: `soc`
    uint32_t host_cycles;          // cycles before the first command
    uint32_t stall_permille;       // chance per cycle that a ready signal is held low (tests)
    uint32_t seed;                 // of the stalls and of the cache's random replacement
    uint32_t skip_idle;            // 1: idle cycles may be skipped
    uint32_t latency_cycles;       // request accepted to first beat (cache hit on `soc`)
    uint32_t bytes_per_cycle;      // `simple`: shared by reads and writes
    uint32_t cache_kib;            // L2 size
    uint32_t cache_ways;
    uint32_t misses;               // L2 misses in flight
    uint32_t port_cycles;          // serial port below the L2, per line
    uint32_t miss_latency_cycles;  // extra latency of a line that comes from the last-level cache
    uint32_t same_line_cycles;     // extra cycles of a write to the line that was written just before
    uint32_t partial_write_cycles; // L2 bank time of a write smaller than a line, per beat in 1/16 cycle
    uint32_t last_level_kib;       // 0: every line below the L2 is in the last-level cache
    uint32_t dram_read_cycles;     // port time of a last-level miss, per 128 B
    uint32_t dram_write_cycles;    // port time of a dirty eviction to DRAM, per line
    uint32_t warm;                 // 1: the caches have seen the program's memory once, in order of address
    uint32_t budget_kilocycles;    // a run that takes longer ends with an error
    uint32_t free_host;            // 1: the host takes no time, whatever host_cycles and the commands say
};

constexpr uint32_t kBeatBytes = 16;  // of a bus, unless its design has a wider one

struct Access {
    uint64_t address;
    uint32_t bytes;  // 16, 32 or 64, naturally aligned
    bool full_line;  // a write of all 64 bytes
};

// What the caches of `soc` did in a run. Python mirrors this layout (pipeline/measurement.py, CACHE_COUNTERS).
struct CacheCounts {
    uint64_t hits = 0;         // accesses of at most a line that found it in the L2
    uint64_t misses = 0;
    uint64_t fills = 0;        // lines fetched for a miss; a write of a whole line needs none
    uint64_t write_backs = 0;  // changed lines that left the L2
    uint64_t dram_lines = 0;   // fills and write-backs of lines that were not in the last-level cache
};

// One call per accepted request, in the order of acceptance.
class Timing {
  public:
    virtual ~Timing() = default;
    // Cycle in which the first beat of the data may be on the response port.
    virtual uint64_t read(const Access& access, uint64_t now) = 0;
    // Cycle in which the acknowledgement may be on the response port.
    virtual uint64_t write(const Access& access, uint64_t now) = 0;
    // First cycle in which another request can be accepted.
    virtual uint64_t ready_at() const = 0;
    // Since the run began; all 0 without caches.
    virtual CacheCounts counts() const { return {}; }
    // Bytes that the bus moves in a cycle, and with it what delivers them: 16, 32 or 64.
    void set_beat(uint32_t bytes) { beat_bytes_ = bytes; }

  protected:
    uint64_t beats(const Access& access) const { return std::max(1u, access.bytes / beat_bytes_); }

    uint32_t beat_bytes_ = kBeatBytes;
};

// The timing of the memory that `settings` name, warm where they say so, for a program with `bytes` of memory.
std::unique_ptr<Timing> make_timing(const Settings& settings, uint64_t bytes);

// xorshift32: the same stream on every machine.
class Random {
  public:
    explicit Random(uint32_t seed) : state_{seed * 2654435769u | 1u} {}
    uint32_t next() {
        state_ ^= state_ << 13;
        state_ ^= state_ >> 17;
        state_ ^= state_ << 5;
        return state_;
    }

  private:
    uint32_t state_;
};

}  // namespace dosa
