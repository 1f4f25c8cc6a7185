#pragma once

#include <sidestep/kernels/cpu/session.hpp>
#include <sidestep/kernels/cuda/error.hpp>
#include <sidestep/kernels/cuda_backend.hpp>
#include <sidestep/kernels/dropout.hpp>
#include <sidestep/kernels/error.hpp>
#include <sidestep/kernels/initialise.hpp>
#include <sidestep/kernels/network.hpp>
#include <sidestep/kernels/optimizer.hpp>
#include <sidestep/kernels/philox.hpp>
#include <sidestep/kernels/session.hpp>
