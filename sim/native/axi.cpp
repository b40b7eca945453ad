#include "axi.h"

#include <algorithm>
#include <cstring>

#include "memory.h"

namespace dosa {

namespace {

constexpr uint64_t kLineBytes = 64;
constexpr uint64_t kPageBytes = 4096;
constexpr uint32_t kIncrement = 1;
constexpr size_t kBursts = 64;      // accepted and not answered, for each direction
constexpr size_t kEarlyBeats = 16;  // of write data whose address has not come

// Address of a beat: the first may start within its size.
uint64_t beat_address(const AxiAddress& burst, uint32_t beat) {
    if (beat == 0) return burst.address;
    return burst.address / burst.beat_bytes * burst.beat_bytes + static_cast<uint64_t>(beat) * burst.beat_bytes;
}

uint64_t beat_end(const AxiAddress& burst, uint32_t beat) {
    return beat_address(burst, beat) / burst.beat_bytes * burst.beat_bytes + burst.beat_bytes;
}

// The smallest aligned access that holds the bytes from `first` to before `end`, which share a line.
Access covering(uint64_t first, uint64_t end) {
    uint64_t bytes = kBeatBytes;
    while (first / bytes != (end - 1) / bytes) bytes *= 2;
    return {first / bytes * bytes, static_cast<uint32_t>(bytes), false};
}

}  // namespace

AxiMemory::AxiMemory(const Settings& settings, uint8_t* contents, uint64_t size, Timing& timing)
    : settings_{settings}, contents_{contents}, size_{size}, timing_{timing}, random_{settings.seed} {}

const AxiOut& AxiMemory::tick(const AxiIn& in) {
    now_ += 1;
    bus_bytes_ = in.bus_bytes;
    take(in);
    start_read();
    take_beats();
    drive_read();
    drive_answer();
    const bool ready = timing_.ready_at() <= now_ + 1;
    const bool starting = !reads_.empty() && reads_.back().started < reads_.back().burst.beats;
    out_.read_address_ready = ready && !starting && reads_.size() < kBursts && !stalled();
    out_.write_address_ready = ready && writes_.size() < kBursts && !stalled();
    out_.data_ready = ready && beats_.size() < kEarlyBeats && !stalled();
    if (now_ > settings_.budget_kilocycles * 1000ull && error_.empty()) {
        error_ = "cycle budget of " + std::to_string(settings_.budget_kilocycles) + ",000 exceeded";
    }
    return out_;
}

// The handshakes of this cycle.
void AxiMemory::take(const AxiIn& in) {
    if (out_.read_valid && in.read_ready) {
        out_.read_valid = false;
        if (out_.read_last) {
            reads_.remove_if([this](const Read& read) { return &read == sending_; });
            sending_ = nullptr;
        }
    }
    if (out_.answer_valid && in.answer_ready) {
        out_.answer_valid = false;
        writes_.remove_if([this](const Write& write) { return &write == answering_; });
        answering_ = nullptr;
    }
    if (in.read.valid && out_.read_address_ready && legal(in.read, "read")) {
        reads_.emplace_back();
        reads_.back().burst = in.read;
    }
    if (in.write.valid && out_.write_address_ready && legal(in.write, "write")) {
        writes_.emplace_back();
        writes_.back().burst = in.write;
    }
    if (in.data_valid && out_.data_ready) {
        Beat beat{in.data_last, in.strobes, {}};
        if (in.data != nullptr) std::memcpy(beat.data, in.data, bus_bytes_);
        beats_.push_back(beat);
    }
}

// One access a cycle: the next line of the burst that was accepted last.
void AxiMemory::start_read() {
    if (reads_.empty()) return;
    Read& read = reads_.back();
    const AxiAddress& burst = read.burst;
    if (read.started == burst.beats || (read.started > 0 && timing_.ready_at() > now_)) return;
    const uint64_t first = beat_address(burst, read.started);
    const uint64_t line_end = (first / kLineBytes + 1) * kLineBytes;
    uint32_t end_beat = read.started;
    while (end_beat < burst.beats && beat_address(burst, end_beat) < line_end) ++end_beat;
    const Access access = covering(first, beat_end(burst, end_beat - 1));
    const uint64_t cycle = timing_.read(access, now_) + delay();
    for (; read.started < end_beat; ++read.started) {
        const uint64_t word = beat_address(burst, read.started) / bus_bytes_ * bus_bytes_;
        read.cycle.push_back(cycle);
        if (contents_ == nullptr) continue;
        read.data.resize((read.started + 1) * kBeatBytes);
        std::memcpy(read.data.data() + read.started * kBeatBytes, contents_ + word, bus_bytes_);
    }
}

// Gives write data to the oldest burst that lacks some.
void AxiMemory::take_beats() {
    while (!beats_.empty()) {
        const auto open = std::find_if(writes_.begin(), writes_.end(), [](const Write& write) { return !write.complete; });
        if (open == writes_.end()) return;
        open->beats.push_back(beats_.front());
        beats_.pop_front();
        take_beat(*open);
    }
}

// The last beat of a line starts its access.
void AxiMemory::take_beat(Write& write) {
    const AxiAddress& burst = write.burst;
    const uint32_t taken = static_cast<uint32_t>(write.beats.size());
    const bool last = taken == burst.beats;
    if (write.beats.back().last != last) return fail(burst, "write: last does not mark the last beat");
    const uint64_t first = beat_address(burst, write.line_beat);
    if (!last && beat_address(burst, taken) / kLineBytes == first / kLineBytes) return;
    Access access = covering(first, beat_end(burst, taken - 1));
    access.full_line = access.bytes == kLineBytes && taken - write.line_beat == kLineBytes / bus_bytes_;
    for (uint32_t beat = write.line_beat; beat < taken; ++beat) {
        access.full_line = access.full_line && write.beats[beat].strobes == (1u << bus_bytes_) - 1;
    }
    write.cycle = std::max(write.cycle, timing_.write(access, now_) + delay());
    write.line_beat = taken;
    write.complete = last;
}

void AxiMemory::drive_read() {
    if (out_.read_valid || reads_.empty()) return;
    if (sending_ == nullptr) {
        uint64_t seen = 0;  // identifiers of older bursts
        for (Read& read : reads_) {
            const uint64_t bit = 1ull << read.burst.id;
            const bool may = (seen & bit) == 0 && read.started > 0 && read.cycle[0] <= now_ + 1;
            if (may && (sending_ == nullptr || read.cycle[0] < sending_->cycle[0])) sending_ = &read;
            seen |= bit;
        }
    }
    if (sending_ == nullptr || stalled()) return;
    Read& read = *sending_;
    if (read.sent == read.started || read.cycle[read.sent] > now_ + 1) return;
    if (contents_ != nullptr) std::memcpy(out_.data, read.data.data() + read.sent * kBeatBytes, kBeatBytes);
    read.sent += 1;
    out_.read_valid = true;
    out_.read_id = read.burst.id;
    out_.read_last = read.sent == read.burst.beats;
}

void AxiMemory::drive_answer() {
    if (out_.answer_valid) return;
    uint64_t seen = 0;
    for (Write& write : writes_) {
        const uint64_t bit = 1ull << write.burst.id;
        const bool may = (seen & bit) == 0 && write.complete && write.cycle <= now_ + 1;
        if (may && (answering_ == nullptr || write.cycle < answering_->cycle)) answering_ = &write;
        seen |= bit;
    }
    if (answering_ == nullptr) return;
    store(*answering_);
    out_.answer_valid = true;
    out_.answer_id = answering_->burst.id;
}

void AxiMemory::store(const Write& write) {
    if (contents_ == nullptr) return;
    for (uint32_t beat = 0; beat < write.beats.size(); ++beat) {
        const uint64_t word = beat_address(write.burst, beat) / bus_bytes_ * bus_bytes_;
        for (uint32_t byte = 0; byte < bus_bytes_; ++byte) {
            if (write.beats[beat].strobes >> byte & 1) contents_[word + byte] = write.beats[beat].data[byte];
        }
    }
}

bool AxiMemory::legal(const AxiAddress& burst, const char* what) {
    const std::string prefix = std::string(what) + ": ";
    const uint64_t end = beat_end(burst, burst.beats - 1);
    if (burst.beat_bytes > bus_bytes_) {
        fail(burst, prefix + "a beat is wider than the bus");
    } else if (burst.burst != kIncrement) {
        fail(burst, prefix + "only incrementing bursts are supported");
    } else if (burst.address / kPageBytes != (end - 1) / kPageBytes) {
        fail(burst, prefix + "the burst crosses a 4 KiB boundary");
    } else if (end > size_) {
        fail(burst, prefix + "address is outside the program's memory");
    }
    return error_.empty();
}

void AxiMemory::fail(const AxiAddress& burst, const std::string& what) {
    if (!error_.empty()) return;
    error_ = "AXI4 burst of " + std::to_string(burst.beats) + " x " + std::to_string(burst.beat_bytes) + " bytes at " +
             std::to_string(burst.address) + " identifier " + std::to_string(burst.id) + ": " + what;
}

}  // namespace dosa
