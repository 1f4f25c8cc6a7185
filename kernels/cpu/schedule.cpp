#include <algorithm>
#include <vector>

#include <sidestep/kernels/cpu/program.hpp>

namespace sidestep::kernels::cpu {
namespace {

using Kind = Step::Kind;

/// Lists the steps, and opens a new phase where one needs what is measured in the present one. Measuring comes as early
/// as it can, so that several measurements share one wait.
class Lister {
 public:
  explicit Lister(Program& program)
      : program_(program), readers_(program.values.size()), written_(program.values.size()) {
    auto& operations = program_.operations;
    program_.phases.assign(1, {});
    push({Kind::load});
    measure_readers(0);
    for (std::size_t i = 0; i < operations.size(); ++i) {
      conclude(Kind::measure, i);
      push({Kind::forward, i});
      measure_readers(operations[i].output);
    }
    push({Kind::loss});

    for (const auto& operation : operations) {
      ++readers_[operation.input];
      if (operation.second != nothing) ++readers_[operation.second];
    }
    measure_writer(operations.back().output);
    for (std::size_t i = operations.size(); i-- > 0;) {
      conclude(Kind::measure_backward, i);
      push({Kind::backward, i});
      operations[i].adds = written_[operations[i].input];
      contribute(operations[i].input);
    }
  }

 private:
  void push(Step step) { program_.phases.back().push_back(step); }

  void conclude(Kind kind, std::size_t operation) {
    for (const auto& step : program_.phases.back())
      if (step.kind == kind && step.operation == operation) {
        program_.phases.emplace_back();
        return;
      }
  }

  void measure_readers(std::size_t value) {
    for (std::size_t i = 0; i < program_.operations.size(); ++i)
      if (program_.operations[i].input == value && program_.operations[i].layer->sums() > 0) push({Kind::measure, i});
  }

  /// The value's gradient is whole: what made the value may measure it, and hands it on to what it added.
  void measure_writer(std::size_t value) {
    for (std::size_t i = 0; i < program_.operations.size(); ++i) {
      const auto& operation = program_.operations[i];
      if (operation.output != value || operation.layer->sums() == 0) continue;
      push({Kind::measure_backward, i});
      if (operation.second != nothing) contribute(operation.second);
    }
  }

  void contribute(std::size_t value) {
    written_[value] = true;
    if (--readers_[value] == 0) measure_writer(value);
  }

  Program& program_;
  std::vector<std::size_t> readers_;  ///< of each value, that have not given their part of its gradient yet
  std::vector<bool> written_;         ///< somebody has
};

/// The phases in which something is touched; the update counts as one more.
struct Span {
  std::size_t first = nothing, last = 0;

  void touch(std::size_t phase) { first = std::min(first, phase), last = std::max(last, phase); }
  bool several() const { return first != nothing && first != last; }
};

class Spans {
 public:
  explicit Spans(const Program& program)
      : program_(program), rows_(program.values.size()), gradients_(program.values.size()) {
    for (std::size_t phase = 0; phase < program.phases.size(); ++phase)
      for (const auto& step : program.phases[phase]) touch(step, phase);
    for (const auto& operation : program.operations)
      if (operation.layer->updates_from_rows()) {
        rows_[operation.input].touch(program.phases.size());
        gradient(operation.output).touch(program.phases.size());
      }
  }

  const Span& rows(std::size_t value) const { return rows_[value]; }
  Span& gradient(std::size_t value) { return gradients_[program_.values[value].gradient]; }

 private:
  void touch(const Step& step, std::size_t phase) {
    const bool edge = step.operation == nothing;
    const std::size_t input = edge ? 0 : program_.operations[step.operation].input,
                      output = edge ? program_.values.size() - 1 : program_.operations[step.operation].output,
                      second = edge ? nothing : program_.operations[step.operation].second;
    if (step.kind != Kind::loss) rows_[input].touch(phase);
    if (step.kind == Kind::load || step.kind == Kind::measure) return;
    rows_[output].touch(phase);
    if (step.kind == Kind::forward && second != nothing) rows_[second].touch(phase);
    if (step.kind == Kind::forward) return;
    gradient(output).touch(phase);
    if (step.kind == Kind::measure_backward && second != nothing) gradient(second).touch(phase);
    if (step.kind == Kind::backward) gradient(input).touch(phase);
  }

  const Program& program_;
  std::vector<Span> rows_, gradients_;
};

std::size_t phase_of(const Program& program, Kind kind, std::size_t operation) {
  for (std::size_t phase = 0; phase < program.phases.size(); ++phase)
    for (const auto& step : program.phases[phase])
      if (step.kind == kind && step.operation == operation) return phase;
  return nothing;
}

}  // namespace

void schedule(Program& program) {
  Lister list(program);
  Spans spans(program);
  for (std::size_t v = 0; v < program.values.size(); ++v) {
    program.values[v].shared_rows = spans.rows(v).several();
    program.values[v].shared_gradient = spans.gradient(v).several();
  }
  for (std::size_t i = 0; i < program.operations.size(); ++i)
    program.operations[i].again = program.operations[i].layer->keeps() &&
                                  phase_of(program, Kind::forward, i) != phase_of(program, Kind::backward, i);
}

}  // namespace sidestep::kernels::cpu
