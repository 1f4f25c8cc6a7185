// Each layer's umbrella header, as installed, and the one for all.
#include <sidestep/bus.hpp>
#include <sidestep/callbacks.hpp>
#include <sidestep/control.hpp>
#include <sidestep/kernels.hpp>
#include <sidestep/operators.hpp>
#include <sidestep/sidestep.hpp>
#include <sidestep/trainer.hpp>

int main() {
  sidestep::Bus bus;
  bus.close();
}
