#include <fmt/core.h>
#include <oneapi/dnnl/dnnl_version.h>
#include <oneapi/tbb/version.h>
#include <toml++/toml.h>
#include <zlib.h>

#include <array>
#include <fstream>
#include <string>
#include <thread>
#include <nlohmann/json.hpp>

#include <fmt/format.h>
#include <sidestep/bus/stores.hpp>
#include <sidestep/kernels/cpu/session.hpp>
#include <sidestep/kernels/cuda_backend.hpp>
#include <sidestep/trainer/command/exit_code.hpp>
#include <sidestep/trainer/command/help.hpp>
#include <sidestep/trainer/command/subcommand.hpp>
#include <sidestep/trainer/data/dataset.hpp>
#include <sidestep/trainer/version.hpp>

namespace sidestep {
namespace {

std::string compiler() {
#if defined(__clang__)
  return fmt::format("clang++ {}.{}.{}", __clang_major__, __clang_minor__, __clang_patchlevel__);
#else
  return fmt::format("g++ {}.{}.{}", __GNUC__, __GNUC_MINOR__, __GNUC_PATCHLEVEL__);
#endif
}

std::string libraries() {
  return fmt::format(
      "oneDNN {}.{}.{}, oneTBB {}.{}.{}, zlib {}, fmt {}.{}.{}, CLI11 {}, toml++ {}.{}.{}, nlohmann-json {}.{}.{}",
      DNNL_VERSION_MAJOR, DNNL_VERSION_MINOR, DNNL_VERSION_PATCH, TBB_VERSION_MAJOR, TBB_VERSION_MINOR,
      TBB_VERSION_PATCH, zlibVersion(), FMT_VERSION / 10000, FMT_VERSION / 100 % 100, FMT_VERSION % 100, CLI11_VERSION,
      TOML_LIB_MAJOR, TOML_LIB_MINOR, TOML_LIB_PATCH, NLOHMANN_JSON_VERSION_MAJOR, NLOHMANN_JSON_VERSION_MINOR,
      NLOHMANN_JSON_VERSION_PATCH);
}

std::string cpu_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("model name") && line.find(": ") != std::string::npos) return line.substr(line.find(": ") + 2);
  return "unknown";
}

std::string cpu_features() {
  std::string found;
#if defined(__x86_64__)
  const auto add = [&](bool has, std::string_view name) {
    if (has) found += fmt::format("{}{}", found.empty() ? "" : " ", name);
  };
  add(__builtin_cpu_supports("sse4.2"), "sse4.2");
  add(__builtin_cpu_supports("avx"), "avx");
  add(__builtin_cpu_supports("avx2"), "avx2");
  add(__builtin_cpu_supports("fma"), "fma");
  add(__builtin_cpu_supports("avx512f"), "avx512f");
  add(__builtin_cpu_supports("avx512bw"), "avx512bw");
  add(__builtin_cpu_supports("avx512vl"), "avx512vl");
  add(__builtin_cpu_supports("avx512vnni"), "avx512vnni");
#endif
  return found.empty() ? "none that matter" : found;
}

std::string cpu_backend() {
  std::string paths;
  for (const kernels::CpuPath path : {kernels::CpuPath::avx512, kernels::CpuPath::avx2, kernels::CpuPath::portable})
    if (kernels::supported(path)) paths += fmt::format("{}{}", paths.empty() ? "" : ", ", kernels::name(path));
  return fmt::format("uses {}; can use {}", kernels::name(kernels::CpuPath::automatic), paths);
}

std::string data() {
  std::error_code failed;
  const bool there = std::filesystem::is_directory(fashion_mnist_folder, failed);
  return fmt::format("{} ({})", fashion_mnist_folder, there ? "there" : "missing: apt install dataset-fashion-mnist");
}

class InfoCommand : public Subcommand {
 public:
  std::string name() const override { return "info"; }
  std::string summary() const override { return "say versions, CPU features and backends"; }
  void declare(CLI::App&) override {}
  int run(Streams streams) override {
    const unsigned threads = std::thread::hardware_concurrency();
    const std::array<std::pair<std::string_view, std::string>, 9> rows{
        {{"sidestep", fmt::format("{}, built by {}", version(), compiler())},
         {"libraries", libraries()},
         {"cpu", fmt::format("{}, {} thread{}", cpu_name(), threads, threads == 1 ? "" : "s")},
         {"features", cpu_features()},
         {"bus stores", std::string(describe(Stores::automatic))},
         {"backend cpu", cpu_backend()},
         {"backend cuda", kernels::cuda_status("cuda").sentence},
         {"cuda-emulated", kernels::cuda_status("cuda-emulated").sentence},
         {"data", data()}}};
    constexpr std::size_t column = 15;
    for (const auto& [what, text] : rows)
      streams.out << fmt::format("{:<{}}{}\n", what, column, wrapped(text, column, column));
    return exit_well;
  }
};

}  // namespace

std::unique_ptr<Subcommand> info_command() { return std::make_unique<InfoCommand>(); }

}  // namespace sidestep
