// `simple` memory: fixed latency, limited bandwidth shared by reads and writes, no cache.
#pragma once

#include <algorithm>

#include "timing.h"

namespace dosa {

class SimpleTiming final : public Timing {
  public:
    explicit SimpleTiming(const Settings& settings)
        : latency_{settings.latency_cycles}, bytes_per_cycle_{settings.bytes_per_cycle} {}

    uint64_t read(const Access& access, uint64_t now) override {
        // The burst goes out without gaps, its last beat when its last byte has arrived.
        return std::max(now + latency_, transfer(access, now + latency_) - beats(access));
    }

    uint64_t write(const Access& access, uint64_t now) override { return transfer(access, now + latency_); }

    // Requests wait for data already promised, not more than a few lines ahead.
    uint64_t ready_at() const override {
        const uint64_t horizon = latency_ + 256 / rate();
        const uint64_t cycle = (free_bytes_ + rate() - 1) / rate();
        return cycle > horizon ? cycle - horizon : 0;
    }

  private:
    // Occupies the bus from cycle `from` at the earliest; returns the cycle after the last byte.
    uint64_t transfer(const Access& access, uint64_t from) {
        free_bytes_ = std::max(free_bytes_, from * rate()) + access.bytes;
        return (free_bytes_ + rate() - 1) / rate();
    }

    // A wider bus is as much faster.
    uint64_t rate() const { return bytes_per_cycle_ * (beat_bytes_ / kBeatBytes); }

    uint64_t latency_;
    uint64_t bytes_per_cycle_;
    uint64_t free_bytes_ = 0;  // time at which the bus is free, in bytes (cycle x bytes per cycle)
};

}  // namespace dosa
