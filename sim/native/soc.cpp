#include "soc.h"

#include <algorithm>

namespace dosa {

SocTiming::SocTiming(const Settings& settings)
    : settings_{settings},
      random_{settings.seed + 1},
      sets_{settings.cache_kib * 1024ull / kLineBytes / settings.cache_ways},
      lines_(sets_ * settings.cache_ways),
      slots_(settings.misses, 0),
      last_level_(settings.last_level_kib * 1024ull / kLineBytes, ~0ull) {}

SocTiming::Line* SocTiming::find(uint64_t line) {
    Line* const set = &lines_[line % sets_ * settings_.cache_ways];
    for (uint32_t way = 0; way < settings_.cache_ways; ++way) {
        if (set[way].tag == line) return &set[way];
    }
    return nullptr;
}

// The bank takes requests in order; returns the cycle in which this one is looked up.
uint64_t SocTiming::enter_bank(uint64_t now, uint64_t busy_sixteenths) {
    const uint64_t start = std::max(now, bank_free_);
    if (start > bank_free_) bank_fraction_ = 0;
    bank_fraction_ += busy_sixteenths;
    bank_free_ = start + bank_fraction_ / 16;
    bank_fraction_ %= 16;
    return start;
}

// The cycle in which a miss that starts at `start` finds a free slot.
uint64_t SocTiming::take_slot(uint64_t start) {
    return std::max(start, *std::min_element(slots_.begin(), slots_.end()));
}

// Looks a line up in the last-level cache and places it there.
bool SocTiming::last_level_hit(uint64_t line) {
    if (last_level_.empty()) return true;
    uint64_t& tag = last_level_[line % last_level_.size()];
    const bool hit = tag == line;
    tag = line;
    return hit;
}

// Makes room for `line` at cycle `start` or later and, with `fill`, fetches it.
SocTiming::Line& SocTiming::allocate(uint64_t line, bool fill, uint64_t start) {
    Line* const set = &lines_[line % sets_ * settings_.cache_ways];
    Line* victim = nullptr;
    for (uint32_t way = 0; way < settings_.cache_ways && victim == nullptr; ++way) {
        if (set[way].tag == ~0ull) victim = &set[way];
    }
    if (victim == nullptr) victim = &set[random_.next() % settings_.cache_ways];
    const uint64_t slot_start = take_slot(start);
    bank_free_ = std::max(bank_free_, slot_start);
    uint64_t done = slot_start;
    if (victim->tag != ~0ull && victim->dirty) {
        const bool hit = last_level_hit(victim->tag);
        counts_.write_backs += 1;
        counts_.dram_lines += !hit;
        port_free_ = std::max(port_free_, slot_start) + settings_.port_cycles + (hit ? 0 : settings_.dram_write_cycles);
        done = port_free_;
    }
    if (fill) {
        const bool hit = last_level_hit(line);
        counts_.fills += 1;
        counts_.dram_lines += !hit;
        port_free_ = std::max(port_free_, slot_start) + settings_.port_cycles;
        if (!hit) port_free_ += settings_.dram_read_cycles * kLineBytes / 128;
        done = port_free_ + settings_.miss_latency_cycles;
    }
    *std::min_element(slots_.begin(), slots_.end()) = done;
    *victim = Line{line, done, 0, false};
    return *victim;
}

void SocTiming::warm(uint64_t bytes) {
    const uint64_t lines = (bytes + kLineBytes - 1) / kLineBytes;
    for (uint64_t line = 0; line < lines; ++line) {
        last_level_hit(line);
        Line* const set = &lines_[line % sets_ * settings_.cache_ways];
        Line* victim = &set[random_.next() % settings_.cache_ways];
        for (uint32_t way = 0; way < settings_.cache_ways; ++way) {
            if (set[way].tag == ~0ull) victim = &set[way];
        }
        *victim = Line{line, 0, 0, false};
    }
}

// The line of an access; one that misses is allocated and, with `fill`, fetched.
SocTiming::Line& SocTiming::look_up(const Access& access, bool fill, uint64_t start) {
    const uint64_t line = access.address / kLineBytes;
    Line* const entry = find(line);
    (entry != nullptr ? counts_.hits : counts_.misses) += 1;
    return entry != nullptr ? *entry : allocate(line, fill, start);
}

uint64_t SocTiming::read(const Access& access, uint64_t now) {
    const uint64_t start = enter_bank(now, 16 * beats(access));
    return std::max(start, look_up(access, true, start).ready) + settings_.latency_cycles;
}

uint64_t SocTiming::write(const Access& access, uint64_t now) {
    const uint64_t sixteenths = access.full_line ? 16 : settings_.partial_write_cycles;  // of a beat
    const uint64_t start = enter_bank(now, sixteenths * beats(access));
    Line& entry = look_up(access, !access.full_line, start);
    const uint64_t begin = std::max({start, entry.ready, entry.written});
    entry.written = begin + settings_.same_line_cycles;
    entry.dirty = true;
    return begin + settings_.latency_cycles;
}

}  // namespace dosa
