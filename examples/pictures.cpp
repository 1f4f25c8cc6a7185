// What doesn't fit in an event: a picture for each step, written to a PGM file by a pipeline that has threads of its
// own for it.
//
//   pictures FOLDER
#include <sidestep/bus.hpp>
#include <sidestep/operators.hpp>

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

struct Picture {
  static constexpr sidestep::EventId id = sidestep::first_user_event + 1;
  static constexpr std::string_view name = "Picture";
  sidestep::Step step = 0;
  std::int32_t width = 0, height = 0;
  sidestep::PayloadRef payload{};  // width * height bytes
};

/// Two waves that meet, a little later at each step.
void draw(std::span<unsigned char> pixels, int width, sidestep::Step step) {
  for (std::size_t i = 0; i < pixels.size(); ++i) {
    const double x = static_cast<double>(i % static_cast<std::size_t>(width)),
                 y = static_cast<double>(i / static_cast<std::size_t>(width));
    const double wave = std::sin(std::hypot(x - 20, y - 64) / 3 - static_cast<double>(step) / 4) +
                        std::sin(std::hypot(x - 108, y - 64) / 3 - static_cast<double>(step) / 4);
    pixels[i] = static_cast<unsigned char>(127.5 + 63.7 * wave);
  }
}

int main(int argc, char** argv) {
  constexpr int width = 128, height = 128, steps = 50;
  const std::filesystem::path folder = argc > 1 ? argv[1] : "pictures";
  std::filesystem::create_directories(folder);

  sidestep::Bus bus;
  // Eight pictures and no more, however slow the disk is: then the loop waits, and the wait is counted.
  sidestep::PayloadPool pool(
      {.bytes = 8 * width * height, .largest = width * height, .while_waiting = [&] { bus.wake(); }});

  int written = 0;
  bus.on<Picture>() | sidestep::observe_on(sidestep::io) | sidestep::subscribe([&](const Picture& picture) {
    const sidestep::Payload pixels = picture.payload.hold();
    std::ofstream file(folder / ("step" + std::to_string(picture.step) + ".pgm"), std::ios::binary);
    file << "P5 " << picture.width << ' ' << picture.height << " 255\n";
    file.write(pixels.as<char>().data(), static_cast<std::streamsize>(pixels.size()));
    written += file.flush() ? 1 : 0;
  });

  auto producer = bus.producer("loop");
  for (sidestep::Step step = 1; step <= steps; ++step) {
    auto draft = pool.take(width * height);
    draw(draft.as<unsigned char>(), width, step);
    const sidestep::Payload payload = std::move(draft).freeze();
    producer.publish(Picture{.step = step, .width = width, .height = height, .payload = payload});
  }
  bus.close();

  const sidestep::PayloadAccount account = pool.account();
  std::printf("wrote %d pictures to %s; %u of %u are held\n", written, folder.c_str(), account.held, account.payloads);
  return written == steps && account.held == 0 ? 0 : 1;
}
