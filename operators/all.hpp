#pragma once

#include <sidestep/bus.hpp>
#include <sidestep/operators/executor.hpp>
#include <sidestep/operators/filter.hpp>
#include <sidestep/operators/map.hpp>
#include <sidestep/operators/observe_on.hpp>
#include <sidestep/operators/pipe.hpp>
#include <sidestep/operators/predicates.hpp>
#include <sidestep/operators/subscribe.hpp>
#include <sidestep/operators/take.hpp>
