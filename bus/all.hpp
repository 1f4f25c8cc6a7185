#pragma once

/// The bus: everything in <sidestep/bus/...>.

#include <sidestep/bus/bus.hpp>
#include <sidestep/bus/events.hpp>
