#pragma once

#include "vector_types.h"  // make_float4 and its kin stand beside their types
