"""The repository keeps its walls, and the look-out sees a breach."""
import pathlib
import tempfile
import unittest

import layers

ROOT = pathlib.Path(__file__).resolve().parents[2]


def planted(**files):
    """The includes of a tree of the given files: bus__ring_hpp='...' is bus/ring.hpp."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            path = pathlib.Path(folder, name.replace("__", "/").replace("_", "."))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return layers.includes(folder)


class Repository(unittest.TestCase):
    def test_has_sources_in_its_rooms(self):
        self.assertIn("bus/event.hpp", layers.includes(ROOT))

    def test_keeps_the_walls(self):
        self.assertEqual(list(layers.trespasses(layers.includes(ROOT))), [])

    def test_has_no_circle(self):
        self.assertEqual(layers.circle(layers.includes(ROOT)), [])


class LookOut(unittest.TestCase):
    def breaches(self, **files):
        return len(list(layers.trespasses(planted(**files))))

    def test_lets_each_room_look_down(self):
        self.assertEqual(self.breaches(
            operators__map_hpp="#include <sidestep/bus/event.hpp>\n#include <sidestep/bus.hpp>\n#include <vector>\n",
            trainer__control__lag_hpp="#include <sidestep/operators/map.hpp>\n",
            trainer__callbacks__history_cpp="#include <sidestep/trainer/control/lag.hpp>\n",
            trainer__fit_cpp="#include <sidestep/kernels/network.hpp>\n#include <sidestep/control.hpp>\n"), 0)

    def test_sees_each_look_up(self):
        for lower, upper in [("bus", "operators"), ("operators", "trainer/control"), ("operators", "kernels"),
                             ("bus", "kernels"), ("trainer/control", "trainer/callbacks"),
                             ("trainer/control", "trainer"), ("trainer/callbacks", "trainer"),
                             ("trainer/callbacks", "kernels"), ("kernels", "bus"), ("kernels", "trainer")]:
            with self.subTest(lower=lower, upper=upper):
                file = {lower.replace("/", "__") + "__a_hpp": f"#include <sidestep/{upper}/b.hpp>\n"}
                self.assertEqual(self.breaches(**file), 1)

    def test_sees_umbrellas_and_quotes(self):
        self.assertEqual(self.breaches(bus__a_hpp="#include <sidestep/operators.hpp>\n"), 1)
        self.assertEqual(self.breaches(trainer__control__a_hpp="#include <sidestep/sidestep.hpp>\n"), 1)
        self.assertEqual(self.breaches(bus__a_cpp='#  include "../operators/b.hpp"\n', operators__b_hpp=""), 1)

    def test_sees_a_circle(self):
        graph = planted(bus__a_hpp="#include <sidestep/bus/b.hpp>\n", bus__b_hpp='#include "c.hpp"\n',
                        bus__c_hpp="#include <sidestep/bus/a.hpp>\n")
        self.assertEqual(layers.circle(graph), ["bus/a.hpp", "bus/b.hpp", "bus/c.hpp"])

    def test_sees_a_circle_through_an_umbrella_that_is_made(self):
        graph = planted(bus__a_hpp="#include <sidestep/bus.hpp>\n", bus__all_hpp_in="@includes@\n")
        self.assertEqual(layers.circle(graph), ["bus/a.hpp", "bus/all.hpp"])


if __name__ == "__main__":
    unittest.main()
