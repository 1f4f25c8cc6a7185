#pragma once

/// The bus: everything in <sidestep/bus/...>.

#include <sidestep/bus/bus.hpp>
#include <sidestep/bus/events.hpp>
#include <sidestep/bus/log_reader.hpp>
#include <sidestep/bus/payload_pool.hpp>
#include <sidestep/bus/replay.hpp>
