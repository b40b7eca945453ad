#include "memory.h"

#include <algorithm>
#include <cstring>

#include "simple.h"
#include "soc.h"

namespace dosa {

namespace {

// Keeps the earliest entry last; entries of the same cycle stay in the order of acceptance.
template <typename Queue, typename Entry>
void insert(Queue& queue, const Entry& entry) {
    auto position = std::lower_bound(queue.begin(), queue.end(), entry.cycle,
                                     [](const auto& held, uint64_t cycle) { return held.cycle > cycle; });
    queue.insert(position, entry);
}

}  // namespace

std::unique_ptr<Timing> make_timing(const Settings& settings, uint64_t bytes) {
    if (settings.soc == 0) return std::make_unique<SimpleTiming>(settings);
    auto timing = std::make_unique<SocTiming>(settings);
    if (settings.warm != 0) timing->warm(bytes);
    return timing;
}

Memory::Memory(const Settings& settings, uint8_t* contents, uint64_t size, Timing& timing)
    : settings_{settings}, contents_{contents}, size_{size}, timing_{timing}, random_{settings.seed} {
    reads_.reserve(kTags);
    writes_.reserve(kTags);
}

void Memory::set_beat(uint32_t bytes) {
    beat_bytes_ = bytes;
    timing_.set_beat(bytes);
}

const Answer& Memory::tick(const Request& read, const Request& write, bool quiescent, const uint8_t* write_beat,
                           uint64_t mask, uint8_t* beat_out) {
    now_ += 1 + answer_.skip_cycles;
    if (read.valid && answer_.read_ready) accept_read(read);
    if (write.valid && answer_.write_ready) accept_write(write, write_beat, mask);
    answer_.read_valid = false;
    answer_.write_valid = false;
    if (sending_ || !reads_.empty()) drive_read(beat_out);
    if (!writes_.empty()) drive_write();
    const bool ready_changed = drive_ready();
    const bool may_skip = quiescent && settings_.skip_idle != 0 && !ready_changed;
    answer_.skip_cycles = may_skip ? idle_cycles() : 0;
    if (now_ > settings_.budget_kilocycles * 1000ull && error_.empty()) {
        error_ = "cycle budget of " + std::to_string(settings_.budget_kilocycles) + ",000 exceeded";
    }
    return answer_;
}

void Memory::accept_read(const Request& request) {
    if (!legal(request, "read")) return;
    Burst& burst = read_[request.tag];
    if (burst.open) return fail(request, "read", "its tag is in flight");
    burst.open = true;
    burst.beats = 0;
    burst.bytes = request.bytes;
    if (contents_ != nullptr) std::memcpy(burst.data, contents_ + request.address, request.bytes);
    uint64_t cycle = timing_.read({request.address, request.bytes, false}, now_);
    if (settings_.stall_permille != 0) cycle += random_.next() % 64;
    insert(reads_, Pending{cycle, request.tag});
}

void Memory::accept_write(const Request& request, const uint8_t* beat, uint64_t mask) {
    if (!legal(request, "write")) return;
    Burst& burst = write_[request.tag];
    if (!burst.open) {
        burst = Burst{};
        burst.open = true;
        burst.bytes = request.bytes;
        burst.address = request.address;
    }
    if (burst.address != request.address || burst.bytes != request.bytes) {
        return fail(request, "write", "its burst changed its address or size, or its tag is in flight");
    }
    if (beat != nullptr) std::memcpy(burst.data + burst.beats * beat_bytes_, beat, beat_bytes_);
    burst.mask |= mask << (burst.beats * beat_bytes_);
    burst.beats += 1;
    const uint32_t expected = std::max(1u, burst.bytes / beat_bytes_);
    if (request.last != (burst.beats == expected)) return fail(request, "write", "last does not mark the last beat");
    if (!request.last) return;
    const bool full_line = burst.bytes == 64 && burst.mask == ~0ull;
    uint64_t cycle = timing_.write({burst.address, burst.bytes, full_line}, now_);
    if (settings_.stall_permille != 0) cycle += random_.next() % 64;
    insert(writes_, Pending{cycle, request.tag});
}

void Memory::drive_read(uint8_t* beat_out) {
    if (!sending_) {
        if (reads_.back().cycle > now_ + 1) return;
        sending_ = true;
        sending_tag_ = reads_.back().tag;
        reads_.pop_back();
    }
    if (stalled()) return;
    Burst& burst = read_[sending_tag_];
    if (beat_out != nullptr) std::memcpy(beat_out, burst.data + burst.beats * beat_bytes_, beat_bytes_);
    burst.beats += 1;
    answer_.read_valid = true;
    answer_.read_tag = sending_tag_;
    answer_.read_last = burst.beats * beat_bytes_ >= burst.bytes;
    if (answer_.read_last) {
        sending_ = false;
        burst.open = false;
    }
}

void Memory::drive_write() {
    const Pending& next = writes_.back();
    if (next.cycle > now_ + 1) return;
    Burst& burst = write_[next.tag];
    if (contents_ != nullptr) {
        for (uint32_t byte = 0; byte < burst.bytes; ++byte) {
            if (burst.mask >> byte & 1) contents_[burst.address + byte] = burst.data[byte];
        }
    }
    burst.open = false;
    answer_.write_valid = true;
    answer_.write_tag = next.tag;
    writes_.pop_back();
}

// Returns whether a ready signal differs from the last cycle's.
bool Memory::drive_ready() {
    const bool ready = timing_.ready_at() <= now_ + 1;
    const Answer last = answer_;
    answer_.read_ready = ready && !stalled();
    answer_.write_ready = ready && !stalled();
    return answer_.read_ready != last.read_ready || answer_.write_ready != last.write_ready;
}

// Cycles after the next one in which nothing new is driven: answers and ready signals stay as they are.
uint32_t Memory::idle_cycles() const {
    if (settings_.stall_permille != 0 || sending_ || answer_.read_valid || answer_.write_valid) return 0;
    uint64_t next = now_ + 1 + (1u << 20);
    if (!reads_.empty()) next = std::min(next, reads_.back().cycle);
    if (!writes_.empty()) next = std::min(next, writes_.back().cycle);
    if (!answer_.read_ready) next = std::min(next, timing_.ready_at());
    return next > now_ + 2 ? static_cast<uint32_t>(next - now_ - 2) : 0;
}

bool Memory::legal(const Request& request, const char* what) {
    if (request.bytes != 16 && request.bytes != 32 && request.bytes != 64) {
        fail(request, what, "size is not 16, 32 or 64 bytes");
    } else if (request.address % request.bytes != 0) {
        fail(request, what, "address is not aligned to the size");
    } else if (request.address + request.bytes > size_) {
        fail(request, what, "address is outside the program's memory");
    }
    return error_.empty();
}

void Memory::fail(const Request& request, const char* what, const char* why) {
    if (!error_.empty()) return;
    error_ = std::string("memory ") + what + " of " + std::to_string(request.bytes) + " bytes at " +
             std::to_string(request.address) + " tag " + std::to_string(request.tag) + ": " + why;
}

}  // namespace dosa
