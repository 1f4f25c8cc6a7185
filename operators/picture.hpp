#pragma once

#include <span>
#include <string>

/// Pictures of a pipeline, of the lines that `handle->pipeline().describe()` gives.
namespace sidestep {

/// A Mermaid flowchart: each stage is a box, the type of what it emits stands at the arrow behind it. Markdown pages
/// show it.
std::string mermaid(std::span<const std::string> lines);

/// The same as a Graphviz graph, for `dot -Tsvg`.
std::string dot(std::span<const std::string> lines);

}  // namespace sidestep
