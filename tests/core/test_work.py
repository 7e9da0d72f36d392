from inpainter.core import Work


def test_what_a_method_leaves_on_its_work():
    work = Work(3)
    assert (work.seed, work.source, work.energy, work.notes) == (3, None, None, [])
    work.note("smooth")
    work.note("small")
    work.note("smooth")
    assert work.notes == ["smooth", "small"]
    assert Work().notes == []


def test_steps_reach_who_wants_to_hear_them():
    told = []
    Work(on_step=lambda *step: told.append(step)).step(1, 3)
    Work().step(1, 3)
    assert told == [(1, 3)]
