// The thin job with as little as it can cost: librdkafka, simdjson, states in a hash map, changelog, no transactions.
//
// A flush writes the states touched since the last one, waits until the broker has all of it, and only then commits the
// offsets: at least once. Its bounds are Tetik's: 8,000 inputs a partition, here of all partitions together, or the
// queue's end (nothing more within 10 ms). Outputs and changelog have the partition of the input, since all topics have
// the same number of them. Settings: docs/benchmark-jobs.md.

#include <librdkafka/rdkafka.h>
#include <simdjson.h>

#include <array>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace {

constexpr size_t kRecentMost = 20;
constexpr size_t kFlushInputsPerPartition = 8'000;
constexpr size_t kBatch = 2'000;
constexpr int kPollMs = 100;
constexpr int kQueueEmptyMs = 10;
constexpr int kFlushMs = 30'000;

volatile std::sig_atomic_t stopped = 0;

[[noreturn]] void fail(const std::string& what) { throw std::runtime_error(what); }

std::string setting(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr) fail(std::string(name) + " is not set");
  return value;
}

struct TextHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};

struct Seen {
  uint64_t hash;
  std::string id;
  std::string type;
  int64_t at;
};

struct State {
  int64_t count = 0;
  int64_t last_at = 0;
  double value = 0;
  std::vector<Seen> recent;
  size_t oldest = 0;
  int32_t partition = 0;
  bool touched = false;

  bool knows(uint64_t hash, std::string_view id) const {
    for (const Seen& seen : recent)
      if (seen.hash == hash && seen.id == id) return true;
    return false;
  }

  void remember(uint64_t hash, std::string_view id, std::string_view type, int64_t at) {
    if (recent.size() < kRecentMost) {
      recent.push_back({hash, std::string(id), std::string(type), at});
      return;
    }
    Seen& place = recent[oldest];
    oldest = (oldest + 1) % kRecentMost;
    place.hash = hash;
    place.id.assign(id);
    place.type.assign(type);
    place.at = at;
  }
};

using States = std::unordered_map<std::string, State, TextHash, std::equal_to<>>;

// Packs numbers and texts one behind the other.
class Packer {
 public:
  void clear() { size_ = 0; }
  const char* data() const { return bytes_.data(); }
  size_t size() const { return size_; }

  template <typename T>
  void number(T value) {
    room(sizeof value);
    std::memcpy(bytes_.data() + size_, &value, sizeof value);
    size_ += sizeof value;
  }
  void raw(std::string_view text) {
    room(text.size());
    std::memcpy(bytes_.data() + size_, text.data(), text.size());
    size_ += text.size();
  }
  void text(std::string_view text) {
    number(static_cast<uint16_t>(text.size()));
    raw(text);
  }
  template <typename T>
  void digits(T value) {
    std::array<char, 32> buffer;
    raw({buffer.data(), static_cast<size_t>(std::to_chars(buffer.begin(), buffer.end(), value).ptr - buffer.data())});
  }

 private:
  void room(size_t more) {
    if (size_ + more > bytes_.size()) bytes_.resize(2 * (size_ + more));
  }
  std::vector<char> bytes_ = std::vector<char>(4'096);
  size_t size_ = 0;
};

void pack(const State& state, Packer& out) {
  out.clear();
  out.number(state.count);
  out.number(state.last_at);
  out.number(state.value);
  out.number(static_cast<uint8_t>(state.recent.size()));
  out.number(static_cast<uint8_t>(state.oldest));
  for (const Seen& seen : state.recent) {
    out.text(seen.id);
    out.text(seen.type);
    out.number(seen.at);
  }
}

// RFC 3339 in UTC with milliseconds, as the contracts write it, in epoch milliseconds.
int64_t instant(std::string_view text) {
  auto number = [&](size_t begin, size_t count) {
    int value = 0;
    for (size_t i = begin; i < begin + count; ++i) value = value * 10 + text[i] - '0';
    return value;
  };
  if (text.size() != 24) fail("not an instant: " + std::string(text));
  int year = number(0, 4), month = number(5, 2), day = number(8, 2);
  year -= month <= 2;  // days since 1970 by Howard Hinnant's days_from_civil
  int era = year / 400, of_era = year - era * 400;
  int of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  int64_t days = era * 146'097LL + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719'468;
  return ((days * 24 + number(11, 2)) * 60 + number(14, 2)) * 60'000 + number(17, 2) * 1'000 + number(20, 3);
}

struct Event {
  std::string_view id, type;
  std::string_view order_id;  // as it stands in the JSON, with its quotes
  int64_t occurred_at = 0;
  double total = 0;
};

// Texts of the event last as long as the parser reads no other record.
class Reader {
 public:
  Event read(std::string_view json) {
    if (json.size() + simdjson::SIMDJSON_PADDING > padded_.size())
      padded_.resize(2 * (json.size() + simdjson::SIMDJSON_PADDING));
    std::memcpy(padded_.data(), json.data(), json.size());
    simdjson::ondemand::document document = parser_.iterate(padded_.data(), json.size(), padded_.size());
    Event event;
    for (auto field : document.get_object()) {
      std::string_view name = field.unescaped_key();
      if (name == "event_id")
        event.id = field.value().get_string();
      else if (name == "type")
        event.type = field.value().get_string();
      else if (name == "occurred_at")
        event.occurred_at = instant(field.value().get_string());
      else if (name == "properties")
        properties(field.value(), event);
    }
    return event;
  }

 private:
  static void properties(simdjson::ondemand::value value, Event& event) {
    for (auto field : value.get_object()) {
      std::string_view name = field.unescaped_key();
      if (name == "order_id") {
        event.order_id = field.value().raw_json_token();
      } else if (name == "total") {
        double total;
        if (!field.value().get_double().get(total)) event.total = total;
      }
    }
  }

  simdjson::ondemand::parser parser_;
  std::vector<char> padded_ = std::vector<char>(16'384);
};

bool lost = false;

void delivered(rd_kafka_t*, const rd_kafka_message_t* message, void*) { lost = lost || message->err; }

rd_kafka_t* client(rd_kafka_type_t type, std::initializer_list<std::pair<const char*, std::string>> settings) {
  std::array<char, 512> error;
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  for (const auto& [name, value] : settings)
    if (rd_kafka_conf_set(conf, name, value.c_str(), error.data(), error.size()) != RD_KAFKA_CONF_OK) fail(error.data());
  if (type == RD_KAFKA_PRODUCER) rd_kafka_conf_set_dr_msg_cb(conf, delivered);
  rd_kafka_t* made = rd_kafka_new(type, conf, error.data(), error.size());
  if (made == nullptr) fail(error.data());
  return made;
}

class Thin {
 public:
  Thin() {
    std::string kafka = setting("BENCH_KAFKA"), app = setting("BENCH_APP");
    producer_ = client(RD_KAFKA_PRODUCER, {{"bootstrap.servers", kafka},
                                           {"acks", "all"},
                                           {"enable.idempotence", "true"},
                                           {"linger.ms", "5"},
                                           {"batch.size", "1000000"},
                                           {"queue.buffering.max.messages", "1000000"}});
    consumer_ = client(RD_KAFKA_CONSUMER, {{"bootstrap.servers", kafka},
                                           {"group.id", app},
                                           {"auto.offset.reset", "earliest"},
                                           {"enable.auto.commit", "false"},
                                           {"enable.auto.offset.store", "false"},
                                           {"check.crcs", "true"},
                                           {"queued.min.messages", "100000"}});
    rd_kafka_poll_set_consumer(consumer_);
    out_ = rd_kafka_topic_new(producer_, (app + ".out").c_str(), nullptr);
    changelog_ = rd_kafka_topic_new(producer_, (app + ".changelog").c_str(), nullptr);
    std::string events = setting("BENCH_EVENTS");
    rd_kafka_topic_partition_list_t* topics = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(topics, events.c_str(), RD_KAFKA_PARTITION_UA);
    if (rd_kafka_subscribe(consumer_, topics)) fail("cannot subscribe to " + events);
    rd_kafka_topic_partition_list_destroy(topics);
    states_.reserve(1 << 18);
  }

  ~Thin() {
    rd_kafka_consumer_close(consumer_);
    rd_kafka_topic_destroy(out_);
    rd_kafka_topic_destroy(changelog_);
    rd_kafka_destroy(consumer_);
    rd_kafka_destroy(producer_);
  }

  void run() {
    rd_kafka_queue_t* queue = rd_kafka_queue_get_consumer(consumer_);
    std::vector<rd_kafka_message_t*> batch(kBatch);
    const size_t flush_inputs = kFlushInputsPerPartition * std::stoul(setting("BENCH_PARTITIONS"));
    size_t unflushed = 0;
    while (!stopped) {
      ssize_t count = rd_kafka_consume_batch_queue(queue, kQueueEmptyMs, batch.data(), batch.size());
      for (ssize_t i = 0; i < count; ++i) {
        const rd_kafka_message_t& message = *batch[i];
        if (message.err == RD_KAFKA_RESP_ERR_NO_ERROR) {
          if (message.key != nullptr) apply(message);  // control records have none
          rd_kafka_offset_store(message.rkt, message.partition, message.offset);
        }
        rd_kafka_message_destroy(batch[i]);
      }
      unflushed += count > 0 ? count : 0;
      bool is_empty = count < static_cast<ssize_t>(batch.size());
      if (unflushed > 0 && (is_empty || unflushed >= flush_inputs)) {
        flush();
        unflushed = 0;
      }
    }
    rd_kafka_queue_destroy(queue);
  }

 private:
  void apply(const rd_kafka_message_t& message) {
    std::string_view key(static_cast<const char*>(message.key), message.key_len);
    Event event = reader_.read({static_cast<const char*>(message.payload), message.len});
    auto found = states_.find(key);
    if (found == states_.end()) found = states_.emplace(std::string(key), State()).first;
    State& state = found->second;
    uint64_t hash = TextHash{}(event.id);
    if (state.knows(hash, event.id)) return;
    ++state.count;
    state.last_at = event.occurred_at;
    state.value += event.total;
    state.remember(hash, event.id, event.type, event.occurred_at);
    state.partition = message.partition;
    if (!state.touched) {
      state.touched = true;
      touched_.push_back(&*found);
    }
    if (event.type == "order_completed") put_out(found->first, event, state);
  }

  void put_out(const std::string& key, const Event& event, const State& state) {
    scratch_.clear();
    scratch_.raw("{\"customer_key\":\"");
    scratch_.raw(key);
    scratch_.raw("\",\"order_id\":");
    scratch_.raw(event.order_id);
    scratch_.raw(",\"count\":");
    scratch_.digits(state.count);
    scratch_.raw(",\"value\":");
    scratch_.digits(state.value);
    scratch_.raw("}");
    produce(out_, state.partition, key);
  }

  void produce(rd_kafka_topic_t* topic, int32_t partition, const std::string& key) {
    void* value = const_cast<char*>(scratch_.data());
    while (rd_kafka_produce(topic, partition, RD_KAFKA_MSG_F_COPY, value, scratch_.size(), key.data(), key.size(),
                            nullptr) == -1) {
      if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL) fail(rd_kafka_err2str(rd_kafka_last_error()));
      rd_kafka_poll(producer_, kPollMs);
    }
  }

  void flush() {
    for (States::value_type* each : touched_) {
      each->second.touched = false;
      pack(each->second, scratch_);
      produce(changelog_, each->second.partition, each->first);
    }
    touched_.clear();
    if (rd_kafka_flush(producer_, kFlushMs) || lost) fail("the broker did not take a flush");
    rd_kafka_resp_err_t error = rd_kafka_commit(consumer_, nullptr, 1);
    if (error && error != RD_KAFKA_RESP_ERR__NO_OFFSET) fail(rd_kafka_err2str(error));
  }

  rd_kafka_t* producer_ = nullptr;
  rd_kafka_t* consumer_ = nullptr;
  rd_kafka_topic_t* out_ = nullptr;
  rd_kafka_topic_t* changelog_ = nullptr;
  Reader reader_;
  Packer scratch_;
  States states_;
  std::vector<States::value_type*> touched_;
};

}  // namespace

int main() {
  std::signal(SIGTERM, [](int) { stopped = 1; });
  std::signal(SIGINT, [](int) { stopped = 1; });
  try {
    if (setting("BENCH_JOB") != "thin") fail("BENCH_JOB: only thin");
    Thin().run();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}
