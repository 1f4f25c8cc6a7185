#include <sidestep/operators/picture.hpp>

#include <algorithm>
#include <charconv>
#include <string_view>
#include <vector>

namespace sidestep {
namespace {

struct Node {
  std::string_view text;
  bool source;
};
struct Arrow {
  std::size_t from, to;
  std::string_view type;  // of what goes along it; empty: the source says it
};
struct Graph {
  std::vector<Node> nodes;
  std::vector<Arrow> arrows;
};

/// "2 together" -> 2; anything else 0.
std::size_t together(std::string_view line) {
  std::size_t count = 0;
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), count);
  return error == std::errc() && line.substr(static_cast<std::size_t>(end - line.data())) == " together" ? count : 0;
}

/// A source begins a branch; a stage ends as many as come together there, and begins one.
Graph graph_of(std::span<const std::string> lines) {
  constexpr std::string_view from = "from ";
  Graph graph;
  std::vector<Arrow> open;  // branches that lead nowhere yet
  std::size_t inputs = 1;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    std::string_view line = lines[i];
    const bool source = i == 0 || line.starts_with(from);
    if (const std::size_t count = together(line); count > 0) {
      inputs = count;
      continue;
    }
    if (line.starts_with(from)) line.remove_prefix(from.size());
    const std::size_t node = graph.nodes.size();
    graph.nodes.push_back({line, source});
    if (!source) {
      inputs = std::min(inputs, open.size());
      for (std::size_t k = open.size() - inputs; k < open.size(); ++k)
        graph.arrows.push_back({open[k].from, node, open[k].type});
      open.resize(open.size() - inputs);
      inputs = 1;
      ++i;  // what it emits
    }
    open.push_back({node, 0, source || i >= lines.size() ? std::string_view() : std::string_view(lines[i])});
  }
  return graph;
}

std::string for_mermaid(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '"')
      out += "#quot;";
    else if (c == '<')
      out += "#lt;";
    else if (c == '>')
      out += "#gt;";
    else
      out += c;
  }
  return out;
}
std::string for_dot(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

}  // namespace

std::string mermaid(std::span<const std::string> lines) {
  const Graph graph = graph_of(lines);
  std::string text = "flowchart LR\n";
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    text += "  n" + std::to_string(i) + (node.source ? "([\"" : "[\"") + for_mermaid(node.text) +
            (node.source ? "\"])\n" : "\"]\n");
  }
  for (const Arrow& arrow : graph.arrows)
    text += "  n" + std::to_string(arrow.from) +
            (arrow.type.empty() ? " --> n" : " -->|\"" + for_mermaid(arrow.type) + "\"| n") + std::to_string(arrow.to) +
            "\n";
  return text;
}

std::string dot(std::span<const std::string> lines) {
  const Graph graph = graph_of(lines);
  std::string text = "digraph {\n  rankdir=LR;\n  node [shape=box];\n";
  for (std::size_t i = 0; i < graph.nodes.size(); ++i)
    text += "  n" + std::to_string(i) + " [label=\"" + for_dot(graph.nodes[i].text) + "\"" +
            (graph.nodes[i].source ? ", shape=oval" : "") + "];\n";
  for (const Arrow& arrow : graph.arrows)
    text += "  n" + std::to_string(arrow.from) + " -> n" + std::to_string(arrow.to) +
            (arrow.type.empty() ? "" : " [label=\"" + for_dot(arrow.type) + "\"]") + ";\n";
  return text + "}\n";
}

}  // namespace sidestep
