#pragma once

#include <sidestep/operators/chain.hpp>
#include <sidestep/operators/refused.hpp>
