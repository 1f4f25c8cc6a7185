//> #include <sidestep/sidestep.hpp>
