#include <algorithm>
#include <array>
#include <limits>

#include <fmt/format.h>
#include <sidestep/trainer/config.hpp>
#include <sidestep/trainer/control/nearest.hpp>
#include <sidestep/trainer/control/numbers.hpp>

namespace sidestep {
namespace {

using Values = std::vector<std::string>;

constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();

template <class... Parts>
[[noreturn]] void refuse(fmt::format_string<Parts...> why, Parts&&... parts) {
  throw ConfigError(fmt::format(why, std::forward<Parts>(parts)...));
}

const std::string& single(const Values& values) {
  if (values.size() != 1) refuse("is given {} times. Give it once.", values.size());
  return values.front();
}

std::int64_t whole(const Values& values, std::int64_t least, std::int64_t greatest) {
  const std::string& text = single(values);
  const auto value = whole_number(text);
  if (value && *value >= least && *value <= greatest) return *value;
  if (greatest == most && (value || text.find_first_not_of("0123456789") != std::string::npos))
    refuse("{}: must be a whole number, {} or more.", text, least);
  refuse("{}: must be a whole number from {} to {}.", text, least, greatest);
}

std::optional<std::int64_t> whole_or(std::string_view nothing, const Values& values, std::int64_t least,
                                     std::int64_t greatest) {
  if (single(values) == nothing) return std::nullopt;
  return whole(values, least, greatest);
}

std::string one_of(const Values& values, std::string_view what, std::span<const std::string_view> names) {
  const std::string& text = single(values);
  if (std::ranges::find(names, text) == names.end())
    refuse("{}: unknown {}. {}", text, what, did_you_mean(text, names));
  return text;
}

bool flag(const Values& values) {
  const std::string& text = single(values);
  if (text != "true" && text != "false") refuse("{}: must be true or false.", text);
  return text == "true";
}

/// The result of `parse`, whose own complaints become ours.
template <class Parse>
auto parsed(const std::string& text, Parse parse) {
  try {
    return parse(text);
  } catch (const std::invalid_argument& error) {
    const std::string_view why = error.what();
    refuse("{}: {}{}", text, why, why.ends_with('.') || why.ends_with('?') ? "" : ".");
  }
}

constexpr std::array<std::string_view, 3> models{"mlp", "lenet", "resnet8"};
constexpr std::array<std::string_view, 4> backends{"auto", "cpu", "cuda", "cuda-emulated"};
constexpr std::array<std::string_view, 2> optimizers{"sgd", "adamw"};

Values some(const auto& value) { return {fmt::format("{}", value)}; }
Values maybe(const auto& value) { return value ? some(*value) : Values{}; }

using Config = RunConfig;
using Kind = OptionKind;

// In the order of the help and of config.toml. The last letters tell whether the option may differ when resuming.
constexpr bool fixed = false, free = true;
constexpr std::array<ConfigOption, 18> table{{
    {"model", "NAME", "mlp, lenet or resnet8", Kind::text, fixed,
     [](Config& c, const Values& v) { c.model = one_of(v, "model", models); },
     [](const Config& c) { return some(c.model); }},
    {"backend", "NAME", "auto (cuda if there is a device), cpu, cuda, or cuda-emulated (cuda's sources on the CPU)",
     Kind::text, fixed, [](Config& c, const Values& v) { c.backend = one_of(v, "backend", backends); },
     [](const Config& c) { return some(c.backend); }},
    {"epochs", "N", "passes over the training data", Kind::whole, free,
     [](Config& c, const Values& v) { c.epochs = whole(v, 1, 1'000'000); },
     [](const Config& c) { return some(c.epochs); }},
    {"max-steps", "N", "stop after this many steps in all, those before a --resume included (or `none`)", Kind::whole,
     free, [](Config& c, const Values& v) { c.max_steps = whole_or("none", v, 1, most); },
     [](const Config& c) { return maybe(c.max_steps); }},
    {"limit-train", "N", "train on the first N samples only (or `none`)", Kind::whole, fixed,
     [](Config& c, const Values& v) { c.limit_train = whole_or("none", v, 1, most); },
     [](const Config& c) { return maybe(c.limit_train); }},
    {"batch-size", "N", "samples in a step", Kind::whole, fixed,
     [](Config& c, const Values& v) { c.batch_size = whole(v, 1, 65'536); },
     [](const Config& c) { return some(c.batch_size); }},
    {"lr", "RATE", "learning rate", Kind::number, fixed,
     [](Config& c, const Values& v) {
       const auto rate = finite_number(single(v));
       if (!rate || *rate <= 0 || *rate > 1000) refuse("{}: must be a number above 0, at most 1000.", v[0]);
       c.lr = *rate;
     },
     [](const Config& c) { return some(c.lr); }},
    {"schedule", "SPEC",
     "constant, step:every=2,by=0.5 (every 2 epochs; the callback learning_rate_schedule counts steps), cosine, or "
     "warmup:steps=500 (first up in a straight line, then a cosine, or what then= names: constant, step); a cosine "
     "spans the "
     "epochs first asked for",
     Kind::text, fixed, [](Config& c, const Values& v) { c.schedule = parsed(single(v), parse_schedule); },
     [](const Config& c) { return some(c.schedule.text()); }},
    {"optimizer", "NAME", "sgd or adamw", Kind::text, fixed,
     [](Config& c, const Values& v) { c.optimizer = one_of(v, "optimizer", optimizers); },
     [](const Config& c) { return some(c.optimizer); }},
    {"seed", "N", "of weights and data order", Kind::whole, fixed,
     [](Config& c, const Values& v) { c.seed = static_cast<std::uint64_t>(whole(v, 0, most)); },
     [](const Config& c) { return some(c.seed); }},
    {"threads", "N", "that train (or `auto`: one for each core)", Kind::whole, free,
     [](Config& c, const Values& v) {
       const auto count = whole_or("auto", v, 1, 1024);
       c.threads = count ? std::optional(static_cast<int>(*count)) : std::nullopt;
     },
     [](const Config& c) { return maybe(c.threads); }},
    {"sync", "MODE",
     "when a callback's decision takes effect: relaxed (at once when it arrives), lag:K (exactly K steps later), "
     "lockstep",
     Kind::text, free, [](Config& c, const Values& v) { c.sync = parsed(single(v), parse_sync); },
     [](const Config& c) { return some(c.sync.text()); }},
    {"run-ahead", "N", "steps that a device may be ahead under --sync relaxed; under lag:K that is K", Kind::whole,
     fixed, [](Config& c, const Values& v) { c.run_ahead = whole(v, 0, 1024); },
     [](const Config& c) { return some(c.run_ahead); }},
    {"tf32", "", "a device's products may be rounded to TF32: faster, and other bits; refused on the CPU", Kind::flag,
     fixed, [](Config& c, const Values& v) { c.tf32 = flag(v); }, [](const Config& c) { return some(c.tf32); }},
    {"callback", "SPEC", "NAME[:key=value,...], repeatable; see `sidestep callbacks`", Kind::list, fixed,
     [](Config& c, const Values& v) {
       c.callbacks.clear();
       for (const std::string& text : v) c.callbacks.push_back(parsed(text, parse_spec));
     },
     [](const Config& c) {
       Values specs;
       for (const Spec& spec : c.callbacks) specs.push_back(spec.text());
       return specs;
     }},
    {"no-default-callbacks", "", "only those that --callback names", Kind::flag, fixed,
     [](Config& c, const Values& v) { c.no_default_callbacks = flag(v); },
     [](const Config& c) { return some(c.no_default_callbacks); }},
    {"data", "DIR", "folder with the four IDX files, gzipped or not", Kind::text, free,
     [](Config& c, const Values& v) {
       if (single(v).empty()) refuse(": must be a folder's name.");
       c.data = single(v);
     },
     [](const Config& c) { return some(c.data); }},
    {"quiet", "", "print nothing but errors", Kind::flag, free, [](Config& c, const Values& v) { c.quiet = flag(v); },
     [](const Config& c) { return some(c.quiet); }},
}};

}  // namespace

std::span<const ConfigOption> config_options() { return table; }

}  // namespace sidestep
