#include <sidestep/kernels/cuda_backend.hpp>

#include <dlfcn.h>
#include <fmt/format.h>

#include <filesystem>
#include <map>
#include <mutex>
#include <vector>

#include <sidestep/kernels/cuda/entry.hpp>

namespace sidestep::kernels {
namespace {

struct Opened {
  const cuda::Entry* entry = nullptr;
  CudaStatus why_not{};
};

std::string file_name(const std::string& name) {
  return name == "cuda-emulated" ? "libsidestep_cuda_emulated.so" : "libsidestep_cuda.so";
}

/// Where the library may lie, the nearest first; a bare name is for the system's search.
std::vector<std::filesystem::path> places(const std::string& name) {
  std::error_code none;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", none).parent_path();
  std::vector<std::filesystem::path> all;
  if (!program.empty()) {
    all.push_back(program / file_name(name));
    all.push_back(program.parent_path() / "lib" / file_name(name));
    all.push_back(program.parent_path() / "lib" / "x86_64-linux-gnu" / file_name(name));
  }
  all.emplace_back(file_name(name));
  return all;
}

CudaStatus not_built(const std::string& name) {
  return {CudaStatus::Kind::not_built,
          fmt::format("this build has no backend '{}': {} is neither beside the program nor in ../lib. {}, or use "
                      "--backend cpu.",
                      name, file_name(name),
                      name == "cuda" ? "Build with SIDESTEP_CUDA=ON (CUDA 13 and cuDNN 9)"
                                     : "Build the target sidestep_cuda_emulated")};
}

Opened open(const std::string& name) {
  if (name != "cuda" && name != "cuda-emulated")
    return {nullptr, {CudaStatus::Kind::not_built, fmt::format("'{}' is no CUDA backend", name)}};
  for (const auto& path : places(name)) {
    std::error_code none;
    const bool bare = !path.has_parent_path();
    if (!bare && !std::filesystem::exists(path, none)) continue;
    void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!library) {
      const std::string said = dlerror();
      // the system's search found nothing of that name: not built. Anything else that is missing, it needs.
      if (bare && said.starts_with(file_name(name))) break;
      return {nullptr,
              {CudaStatus::Kind::library_missing,
               fmt::format("{} can't be opened ({}). Install what it needs, cuDNN 9 and cuBLASLt 13, or use "
                           "--backend cpu.",
                           file_name(name), said)}};
    }
    // never closed: its sessions' code is in it
    const auto entry = reinterpret_cast<const cuda::Entry* (*)()>(dlsym(library, cuda::entry_name));
    if (entry && entry()->version == cuda::entry_version) return {entry(), {}};
    return {nullptr,
            {CudaStatus::Kind::library_missing,
             fmt::format("{} is of another version of Sidestep; install both anew", path.string())}};
  }
  return {nullptr, not_built(name)};
}

/// Opened once in a process, whatever the outcome.
const Opened& opened(const std::string& name) {
  static std::mutex mutex;
  static std::map<std::string, Opened> all;
  const std::lock_guard lock(mutex);
  const auto found = all.find(name);
  return found != all.end() ? found->second : all.emplace(name, open(name)).first->second;
}

}  // namespace

CudaStatus cuda_status(const std::string& name) {
  const Opened& backend = opened(name);
  return backend.entry ? backend.entry->status() : backend.why_not;
}

std::unique_ptr<Session> make_cuda_session(const NetworkSpec& spec, const CudaOptions& options) {
  const CudaStatus status = cuda_status(options.name);
  if (!status.ready()) throw UnsupportedError(status.sentence);
  return std::unique_ptr<Session>(opened(options.name).entry->make(spec, options));
}

std::string cuda_algorithms(const Session& session) {
  for (const char* name : {"cuda", "cuda-emulated"}) {
    const auto kind = session.description();
    if (kind.starts_with(std::string(name) + ' ')) return opened(name).entry->algorithms(session);
  }
  return {};
}

}  // namespace sidestep::kernels
