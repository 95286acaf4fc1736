# SPDX-License-Identifier: GPL-2.0
"""Checks that cases name: `check = NAME ARGUMENTS`, one per line.

A check gets the Run and the words after its name and returns a list of texts,
one per thing that is wrong.  Programs under test hand over their numbers as
KTAP diagnostics, `# lab: name=value`, found in run.lab; what the machine saw is
run.trace.  Counts are exact unless the check says why not.
"""

import re

# tests/host/loop.S, its instructions outside of its two marks.  The books at a
# mark do not hold the mark itself yet, so what comes before is
#   mov, xor, mov, mov, syscall (sched_setscheduler), mov (the number of mark 1)
# and after, beginning with it,
#   mark 2, mov, xor, syscall (exit)
LOOP_OUTSIDE_INSNS = 10
LOOP_OUTSIDE_CALLS = 2
# Between them: mark 1, mov, then twice per round, then for each system call
# mov + syscall + dec + jnz, and two movs: see loop.S.
LOOP_ROUNDS = 1000000
LOOP_CALLS = 1000
# What the kernel does for the rest of execve and for exit while perf counts: seen
# are 38,000 to 57,000 instructions, in guests more than in hosts.
LOOP_EXEC_EXIT = {"instructions": 80000, "branches": 20000}
LOOP_INSIDE_INSNS = 2 * LOOP_ROUNDS + 4 * LOOP_CALLS + 4

_CHECKS = {}


def check(function):
    """Register a check under its name, underscores as dashes."""
    _CHECKS[function.__name__.replace("_", "-")] = function
    return function


def find(name):
    """The check of this name; LookupError if there is none."""
    if name not in _CHECKS:
        raise LookupError(f"no check named {name}")
    return _CHECKS[name]


# --- text -------------------------------------------------------------------

def _has(where, text, words):
    wanted = " ".join(words)
    return [] if wanted in text else [f"{where} lacks \"{wanted}\""]


@check
def output_has(run, *words):
    """The output holds this text."""
    return _has("output", run.output, words)


@check
def console_has(run, *words):
    """The kernel log holds this text."""
    return _has("console", run.console, words)


@check
def backtraces(run, least):
    """Other CPUs were asked for backtraces by NMI at least so many times."""
    count = len(re.findall(r"NMI backtrace for cpu", run.console))
    return [] if count >= int(least) else [f"{count} backtraces by NMI, want {least}"]


@check
def console_lacks(run, *words):
    """The kernel log does not hold this text."""
    text = " ".join(words)
    return [f"console: {line.strip()}" for line in run.console.splitlines() if text in line]


@check
def errors_has(run, *words):
    """What lab/run itself printed on its standard error holds this text."""
    return _has("lab/run's messages", run.errors, words)


@check
def pmu_named(run, *words):
    """The kernel's one line about the PMU is exactly this, and no MSR is amiss."""
    wanted = " ".join(words)
    found = re.findall(r"Performance Events: (.*?)\s*$", run.console, re.MULTILINE)
    problems = []
    if not found:
        problems.append("the kernel says nothing about performance events")
    for line in found:
        if line != wanted:
            problems.append(f"the kernel says \"{line}\", expected \"{wanted}\"")
    problems += [f"console: {line.strip()}" for line in run.console.splitlines()
                 if re.search(r"unhandled (?:rd|wr)msr|\bmsr: .*(?:0x)?[0-9a-f]+ failed|FW_BUG"
                              r"|\[Firmware Bug\].*(?:PMU|perf|MSR)", line, re.IGNORECASE)]
    return problems


# --- the program's numbers ----------------------------------------------------

@check
def lab_equal(run, name, value):
    """One number of the program has this value."""
    if name not in run.lab:
        return [f"the program did not print {name}"]
    return [] if str(run.lab[name]) == value else [f"{name}={run.lab[name]}, expected {value}"]


@check
def lab_atleast(run, name, least):
    """One number of the program is at least this."""
    if name not in run.lab:
        return [f"the program did not print {name}"]
    return [] if run.lab[name] >= int(least) else [f"{name}={run.lab[name]}, expected >= {least}"]


BOOKS_OF = {"instructions": "insns", "branches": "branches", "cycles": "cycles"}
# Whose counters a check is about: the first letter of their modes in the books, and
# whether VMRUNs count.  These are the guest's for the processor (AMD), and for perf
# that counts on behalf of a guest (g); a mediated vPMU discounts them (m), and two of
# these those of a nested guest (n).
WORLDS = {"h": ("h", True), "g": ("g", True), "m": ("g", False), "n": ("n", False)}
BOOKS_NAME = re.compile(r"books\.([\w-]+)\.(\w+)\.(u|k|uk)\.(\d+)-(\d+)")


class Measurement:
    """A line `# lab: KIND.LABEL.EVENT.MODE.A-B=value`: a counter read beside marks.

    The counter was read between marks A and A+1, and again between B and B+1,
    with the same instructions: what lies between mark and read is the same
    twice and cancels out.
    """

    def __init__(self, run, name, value):
        self.name, self.value = name, value
        _, self.label, self.event, mode, marks = name.split(".")
        first, second = (int(mark) for mark in marks.split("-"))
        self.mode, self.first, self.second = mode, first, second
        self.brackets = [run.trace.between(mark, mark + 1) for mark in (first, second)]
        self.books = run.trace.between(first, second)

    def count(self, world, off=False):
        """The event in the books of a world of WORLDS."""
        letter, vmruns = WORLDS[world]
        return self.books.count(BOOKS_OF[self.event], [letter + part for part in self.mode], off,
                                vmruns)

    def disturbed(self, modes):
        """Something ran in these modes inside of a bracket."""
        return any(bracket.count("cycles", modes) for bracket in self.brackets)

    def uneven(self, world, part):
        """The brackets are not the same instructions in mode @part of the world."""
        letter, vmruns = WORLDS[world]
        return len({bracket.count("insns", letter + part, vmruns=vmruns)
                    for bracket in self.brackets}) > 1

    def entered_again(self, world):
        """A VMRUN is in one of the brackets, and counts as a cycle whatever the world."""
        letter, _ = WORLDS[world]
        return self.event == "cycles" and \
            len({bracket.vmruns([letter + "u", letter + "k"]) for bracket in self.brackets}) > 1

    def differs(self, truth):
        """A problem if the counter is not what it should be."""
        if self.value == truth:
            return []
        return [f"{self.name}: counter {self.value}, books {truth}, off by {self.value - truth}"]


def measurements(run, kind):
    """The program's measurements of a kind."""
    return [Measurement(run, name, value) for name, value in run.lab.items()
            if re.fullmatch(kind + r"\.[\w-]+\.\w+\.(u|k|uk)\.\d+-\d+", name)]


EMULATED_EXITS = {"u": ("rdpmc",),
                  "k": ("rdmsr", "wrmsr", "cpuid", "io", "apic-access", "cr-access", "hlt",
                        "ept-misconfig", "npf-reserved")}


def emulated(exits, mode):
    """Instructions in the guest's @mode (u, k or uk) that KVM emulated, by the VM exits."""
    return sum(exits.get(name, 0) for part in mode for name in EMULATED_EXITS[part])


@check
def books_equal(run, world="h", least="1"):
    """Counter differences read beside marks equal the books, to the unit.

    For each `books.LABEL.EVENT.MODE.A-B` the program read the counter right
    after mark A and again after mark B, each time followed by one more mark
    (A+1, B+1), all in user mode and with the same instructions.  The way from
    mark to read is thus the same twice and cancels out: no constant.  If the
    kernel ran inside of a bracket, or a PMI came (its handler stops the PMU),
    that pair tells nothing; per LABEL.EVENT.MODE @least others must be left.  Nor
    does it if the host took an interrupt inside of one, where its VMRUN counts.

    In a guest (@world g or m of WORLDS) the instructions that KVM emulates count
    too, though they retire nowhere: one for each exit of EMULATED_EXITS.  RDPMC
    is the program's own and belongs to its user mode, the others to its kernel.
    """
    clean, problems = {}, []
    letter, vmruns = WORLDS[world]
    for name, value in run.lab.items():
        match = BOOKS_NAME.fullmatch(name)
        if not match:
            continue
        label, event, mode, first, second = match.groups()
        first, second = int(first), int(second)
        key = f"{label}.{event}.{mode}"
        clean.setdefault(key, 0)
        brackets = [run.trace.between(first, first + 1), run.trace.between(second, second + 1)]
        books = run.trace.between(first, second)
        if any(bracket.count("insns", letter + "k") for bracket in brackets) or books.pmi():
            continue
        if vmruns and len({bracket.vmruns(letter + "u") for bracket in brackets}) > 1:
            continue
        if len({bracket.count("insns", letter + "u", vmruns=vmruns) for bracket in brackets}) > 1:
            problems.append(f"{name}: the two brackets differ in length")
            continue
        clean[key] += 1
        truth = books.count(BOOKS_OF[event], [letter + part for part in mode], vmruns=vmruns)
        if letter == "g" and event == "instructions":
            truth += emulated(books.exits(), mode)
        if value != truth:
            problems.append(f"{name}: counter {value}, books {truth}, off by {value - truth}")
    if not clean:
        problems.append("the program printed no books.* lines")
    for key, number in clean.items():
        if number < int(least):
            problems.append(f"{key}: {number} undisturbed measurements, want {least}")
    return problems


@check
def off_equal(run, least="1"):
    """CPU-wide host events equal the books less what ran while the PMU was off.

    `wide.LABEL.EVENT.MODE.A-B`, see Measurement; the program has seen to it that
    the kernel stayed out of the brackets, which is looked at again here.  At
    @least so many must be there of each LABEL.EVENT.MODE.
    """
    problems, number = [], {}
    for one in measurements(run, "wide"):
        if one.disturbed("hk+gu+gk") or one.uneven("h", "u"):
            problems.append(f"{one.name}: disturbed")
        problems += one.differs(one.count("h") - one.count("h", off=True))
        key = one.name.rpartition(".")[0]
        number[key] = number.get(key, 0) + 1
    problems += [f"{key}: {count} measurements, want {least}" for key, count in number.items()
                 if count < int(least)]
    return problems if number else ["the program printed no wide.* lines"]


@check
def blind_window(run, most="1500", fast="2000", least="10"):
    """Per VM exit the host runs at most so many instructions with the PMU off.

    `swaps.LABEL.A-B`, marks of the host around VM exits; fewer than @least exits
    tell nothing, as perf and KVM do other things too.  In `fastpath.LABEL.A-B`
    are exits after which KVM enters the guest again without a swap: the PMU stays
    off for all that it does there.
    """
    problems, rows = [], 0
    for name in run.lab:
        match = re.fullmatch(r"(swaps|fastpath)\.[\w-]+\.(\d+)-(\d+)", name)
        if not match:
            continue
        limit = int(most if match[1] == "swaps" else fast)
        books = run.trace.between(int(match[2]), int(match[3]))
        exits, blind = sum(books.exits().values()), books.count("insns", "hk", off=True)
        if exits < int(least):
            continue
        rows += 1
        if blind > limit * exits:
            problems.append(f"{name}: {blind} instructions in {exits} exits, "
                            f"{blind / exits:.0f} each, at most {limit}")
    return problems if rows else ["the program printed no swaps.* lines with enough exits"]


@check
def untouched(run, least="10"):
    """The host accesses no PMU register, nor LVTPC, whatever the guest exits for.

    `swaps.LABEL.A-B` and `fastpath.LABEL.A-B` as for blind-window; at least @least of
    these intervals have VM exits.
    """
    problems, rows = [], 0
    for name in run.lab:
        match = re.fullmatch(r"(?:swaps|fastpath)\.[\w-]+\.(\d+)-(\d+)", name)
        if not match:
            continue
        books = run.trace.between(int(match[1]), int(match[2]))
        rows += bool(books.exits())
        for kind in ("rdmsr", "wrmsr", "rdpmc", "lvtpc"):
            count = sum(books.access(kind, mode)[0] for mode in ("hu", "hk"))
            if count:
                problems.append(f"{name}: {count} {kind} in {sum(books.exits().values())} exits")
    return problems if rows >= int(least) else [f"{rows} intervals with VM exits, want {least}"]


@check
def vpmi_equal(run):
    """Each PMI that the machine delivered between two marks was one of the guest's.

    `vpmi.A-B`: how much row VPMI of the host's /proc/interrupts grew, on all CPUs.
    """
    problems, rows = [], 0
    for name, value in run.lab.items():
        match = re.fullmatch(r"vpmi\.(\d+)-(\d+)", name)
        if not match:
            continue
        rows += 1
        first, second = run.trace.find(int(match[1])), run.trace.find(int(match[2]))
        delivered = sum((after - before).pmi() for after, before in
                        zip(second.books, first.books))
        if value != delivered:
            problems.append(f"{name}={value}, the machine delivered {delivered}")
        if not delivered:
            problems.append(f"{name}: no PMI at all")
    return problems if rows else ["the program printed no vpmi.* lines"]


# VM exits after which KVM has done the guest's instruction, which retires nowhere.
# Accesses to memory that is not there are not told apart from faults by their exits.
EMULATED = ("apic-access", "cpuid", "cr-access", "hlt", "io", "rdmsr", "rdpmc", "vmcall", "wbinvd",
            "wrmsr", "xsetbv")


@check
def guest_equal(run, least="1", world="g"):
    """The guest's counters equal its books plus the instructions that KVM emulated.

    @world: m for a mediated vPMU, see WORLDS.

    `guest.LABEL.EVENT.MODE.A-B`, see Measurement, read in the guest's kernel
    mode.  `emulated.A.user` of the emulated instructions were in user mode;
    `emulated.A.mmio` are accesses to memory that is not there.  `known.A.user`
    says how many there are in user mode altogether, and holds the books to it. If
    the host took an interrupt inside of one bracket, cycles tell nothing on AMD.
    """
    problems, number = [], {}
    for one in measurements(run, "guest"):
        if one.entered_again(world):
            continue
        if one.uneven(world, "k") or one.disturbed("gu"):
            problems.append(f"{one.name}: disturbed")
        truth = one.count(world)
        if one.event == "instructions":
            exits = one.books.exits()
            user = run.lab[f"emulated.{one.first}.user"]
            total = sum(exits.get(name, 0) for name in EMULATED) + \
                run.lab[f"emulated.{one.first}.mmio"]
            known = run.lab[f"known.{one.first}.user"]
            booked = one.books.count("insns", "gu", vmruns=False)
            if booked + user != known:
                problems.append(f"{one.name}: the books have {booked} instructions in user mode, "
                                f"the program {known}, {user} emulated")
            truth += {"u": user, "k": total - user, "uk": total}[one.mode]
        problems += one.differs(truth)
        key = one.name.rpartition(".")[0]
        number[key] = number.get(key, 0) + 1
    problems += [f"{key}: {count} measurements, want {least}" for key, count in number.items()
                 if count < int(least)]
    return problems if number else ["the program printed no guest.* lines"]


@check
def only_equal(run, least="1"):
    """Events of the host that count guests alone equal the guests' books.

    `only.LABEL.EVENT.MODE.A-B`, see Measurement, read in the host's user mode. What
    KVM emulates isn't in it, VMRUNs are.
    """
    problems, found = [], measurements(run, "only")
    for one in found:
        if one.disturbed("gu+gk"):
            problems.append(f"{one.name}: disturbed")
        problems += one.differs(one.count("g"))
    if len(found) < int(least):
        problems.append(f"{len(found)} only.* lines, want {least}")
    return problems


def guest_slots(run, first, second):
    """[slots, then each category] of guests between two marks, on all CPUs."""
    books = run.trace.between_on_all(first, second)
    return [sum(column) for column in zip(*(book.slots("gu+gk") for book in books))]


@check
def slots_equal(run, least="1"):
    """Differences of a guest's fixed counter 3 equal its slots in the books, on all CPUs.

    `guest.LABEL.slots.uk.A-B`, the counter being read right behind mark A and again
    behind B. At least @least of each LABEL.
    """
    problems, number = [], {}
    for name, value in run.lab.items():
        match = re.fullmatch(r"guest\.([\w-]+)\.slots\.uk\.(\d+)-(\d+)", name)
        if not match:
            continue
        truth = guest_slots(run, int(match[2]), int(match[3]))[0]
        if value != truth:
            problems.append(f"{name}: counter {value}, books {truth}, off by {value - truth}")
        number[match[1]] = number.get(match[1], 0) + 1
    problems += [f"{label}: {count} measurements, want {least}" for label, count in number.items()
                 if count < int(least)]
    return problems if number else ["the program printed no guest.*.slots lines"]


@check
def metrics_equal(run, fields, least="1", slack="0.51"):
    """PERF_METRICS, of so many fields, holds what the books have of the slots.

    `metrics.LABEL.A-B`: read after mark B; it was 0 shortly before mark A.  A field is
    the part of 255, rounded, that its category has of all slots of the guest since
    then.  What little ran before A and behind B may make a difference of 1 only where
    the part is near the middle of two numbers: so @slack is more than one half.  At
    least @least lines, and no field that is 0 in all of them.
    """
    problems, lines, seen = [], 0, 0
    for name, value in run.lab.items():
        match = re.fullmatch(r"metrics\.[\w-]+\.(\d+)-(\d+)", name)
        if not match:
            continue
        lines, seen = lines + 1, seen | value
        slots, *parts = guest_slots(run, int(match[1]), int(match[2]))
        for i, part in enumerate(parts[:int(fields)]):
            field, exact = value >> 8 * i & 0xff, 255 * part / slots
            if abs(field - exact) > float(slack):
                problems.append(f"{name}: field {i} is {field}, the books have {exact:.2f}")
        if value >> 8 * int(fields):
            problems.append(f"{name}: 0x{value:x} has more than {fields} fields")
    problems += [f"field {i} was 0 all the time" for i in range(int(fields))
                 if lines and not seen >> 8 * i & 0xff]
    return problems if lines >= int(least) else [f"{lines} metrics.* lines, want {least}"]


def topdown_tables(text):
    """What topdown.sh printed: {(where, level): {category: percent}}."""
    tables, names = {}, {}
    for where, level, row in re.findall(r"^topdown (\w+) (\d): (.*)$", text, re.M):
        key, words = (where, int(level)), row.replace("%", "").split()
        if words and words[0].startswith("tma_"):
            names[key] = words
        else:
            tables[key] = dict(zip(names.get(key, []), (float(word) for word in words)))
    return tables


@check
def topdown_same(run, levels):
    """perf stat --topdown, see topdown.sh, says the same in the guest and on the host.

    To the last digit; @levels: how many the machine has.
    """
    tables, problems = topdown_tables(run.output), []
    for level in range(1, int(levels) + 1):
        host, guest = (tables.get((where, level), {}) for where in ("host", "guest"))
        if abs(sum(host.values()) - 100) > 0.5 or len(host) < 4:
            problems.append(f"level {level}: the host's table makes no sense: {host}")
        if host.keys() != guest.keys():
            problems.append(f"level {level}: the guest has {list(guest)}, the host {list(host)}")
        problems += [f"level {level}: {name} is {guest[name]} in the guest, {host[name]} on the host"
                     for name in host if name in guest and guest[name] != host[name]]
    if len(tables) != 2 * int(levels):
        problems.append(f"tables of {sorted(tables)}, want {levels} levels")
    return problems


@check
def group_sum(run, how="exact"):
    """In each group, user + kernel = both.

    exact: one global register starts and stops all counters of a group at once.
    constant: there is none (Zen 3), the kernel starts and stops them one after
    the other, so the sum is off by the instructions between those writes: the
    same number for an empty group as for a busy one.
    """
    off, problems = {}, []
    for name, value in run.lab.items():
        match = re.fullmatch(r"group\.(\w+)\.(\w+)\.(\d+)\.uk", name)
        if match:
            base = name[:-3]
            off[match.groups()] = value - run.lab[base + ".u"] - run.lab[base + ".k"]
    if not off:
        return ["the program printed no group.* lines"]
    for (event, load, number), difference in off.items():
        wanted = off[(event, "empty", number)] if how == "constant" else 0
        if difference != wanted:
            problems.append(f"group.{event}.{load}.{number}: uk - u - k = {difference}, "
                            f"expected {wanted}")
    return problems


@check
def multiplexed(run, percent="2"):
    """Scaled counts of multiplexed events are near the truth, and were multiplexed.

    Tolerance: an event is on the PMU for some dozens of time slices; the first
    and last are cut, and the time running includes the kernel's work on
    rotation, in which a user event counts nothing.  Each costs up to a slice.
    """
    problems, rows = [], 0
    truth = run.trace.between(run.lab["multiplex.first"], run.lab["multiplex.last"]) \
        .count("insns", "hu")
    for name, value in run.lab.items():
        if not re.fullmatch(r"multiplex\.\d+\.value", name):
            continue
        rows += 1
        base = name[:-len("value")]
        enabled, running = run.lab[base + "enabled"], run.lab[base + "running"]
        if not 0 < running < enabled:
            problems.append(f"{base}: running {running} of {enabled}: not multiplexed")
            continue
        scaled = value * enabled // running
        if abs(scaled - truth) * 100 > truth * int(percent):
            problems.append(f"{base}: scaled {scaled}, books {truth}: more than {percent} % off")
    if not rows:
        problems.append("the program printed no multiplex.* lines")
    return problems


@check
def sampled(run, astray="0"):
    """A fixed period gives exactly total / period samples, each inside the loop.

    The program chooses period and loop so that the few instructions between
    enabling, marks and disabling cannot move the quotient.  @astray so many may
    lie elsewhere: if PMIs come late (pmi-delay), another interrupt can come
    first, and the PMI then finds its handler.
    """
    problems, rows = [], 0
    for name, samples in run.lab.items():
        match = re.fullmatch(r"sample\.(\w+)\.samples", name)
        if not match:
            continue
        rows += 1
        base = name[:-len("samples")]
        period = run.lab[base + "period"]
        books = run.trace.between(run.lab[base + "first"], run.lab[base + "last"])
        total = books.count(BOOKS_OF[match.group(1)], "hu")
        if samples != total // period:
            problems.append(f"{name}={samples}, books say {total} / {period} = {total // period}")
        if not samples - int(astray) <= run.lab[base + "inside"] <= samples:
            problems.append(f"{base}: {run.lab[base + 'inside']} of {samples} inside the loop")
        if run.lab[base + "lost"]:
            problems.append(f"{base}: {run.lab[base + 'lost']} lost or throttled records")
    if not rows:
        problems.append("the program printed no sample.* lines")
    return problems


# --- the perf tool ------------------------------------------------------------

def perf_stat(text):
    """Counts of `perf stat -x,` by event name as given; ValueError if not counted."""
    counts = {}
    for line in text.splitlines():
        words = line.strip().split(",")
        if len(words) >= 5 and re.fullmatch(r"\d+|<.*>", words[0]):
            if not words[0].isdigit():
                raise ValueError(f"{words[2]}: {words[0]}")
            if words[4] not in ("100.00", ""):
                raise ValueError(f"{words[2]} was multiplexed ({words[4]} %)")
            counts[words[2]] = int(words[0])
    return counts


@check
def perf_stat_loop(run, slack="0", world="h"):
    """`perf stat` on tests/host/loop, events EVENT:u, EVENT:k and EVENT.

    :u   equals the books between the loop's marks plus its constant outside.
    :k   holds all of the kernel's work between the loop's marks, and at most
         LOOP_EXEC_EXIT more (perf starts counting inside of execve, where no
         mark can be); host-selfcount holds kernel counts exactly.
    both equals their sum; @slack where no global register exists (see
         group_sum), as the instructions between starting and stopping single
         counters count in one and not in the other.
    @world is one of WORLDS.  With g on AMD each entry into a guest's user mode
    counts there as an instruction and a branch, in the books and in perf: VMRUN
    retires in the guest.  perf does not count all the time between marks 8 and 9:
    up to so many VMRUNs as there are outside of the loop's marks may come on top.
    """
    problems = []
    counts = perf_stat(run.output)
    letter, vmruns = WORLDS[world]
    user, kernel = letter + "u", letter + "k"
    inner, outer = run.trace.between(1, 2), run.trace.between(8, 9)
    insns = inner.count("insns", user, vmruns=False)
    more = outer.vmruns(user) - inner.vmruns(user) if vmruns else 0
    if insns != LOOP_INSIDE_INSNS:
        problems.append(f"books: {insns} instructions in the loop, it has {LOOP_INSIDE_INSNS}")
    outside = {"instructions": LOOP_OUTSIDE_INSNS,
               "branches": loop_outside_branches(inner.count("branches", user, vmruns=False))}
    events = [event for event in outside if event + ":u" in counts]
    if not events:
        problems.append("perf stat counted nothing that this check knows")
    for event in events:
        book = BOOKS_OF[event]
        wanted = inner.count(book, user, vmruns=vmruns) + outside[event]
        if not wanted <= counts[event + ":u"] <= wanted + more:
            problems.append(f"{event}:u: perf {counts[event + ':u']}, books {wanted}")
        if event + ":k" in counts:
            low = inner.count(book, kernel, vmruns=vmruns)
            high = min(outer.count(book, kernel, vmruns=vmruns), low + LOOP_EXEC_EXIT[event])
            if not low <= counts[event + ":k"] <= high:
                problems.append(f"{event}:k: perf {counts[event + ':k']}, "
                                f"books between {low} and {high}")
        if event in counts:
            total = counts[event + ":u"] + counts[event + ":k"]
            if abs(counts[event] - total) > int(slack):
                problems.append(f"{event}: perf {counts[event]}, :u and :k are {total}")
    return problems


@check
def perf_stat_wide(run, *marks):
    """`perf stat -a` around loop, with marks FIRST-LAST around both, is what the host did.

    Lines `stat FIRST: ...`.  The counts are host counts of all CPUs: at least
    what the books have between the loop's own marks, at most what they have
    between FIRST and LAST, without what ran while the PMU was off.
    """
    def host_counts(event, first, last, nth=0):
        return sum(books.count(BOOKS_OF[event], "hu+hk") -
                   books.count(BOOKS_OF[event], "hu+hk", off=True)
                   for books in run.trace.between_on_all(first, last, nth))

    problems = []
    for nth, pair in enumerate(marks):
        first, last = pair.split("-")
        counts = perf_stat("\n".join(re.findall(rf"^stat {first}: (.*)$", run.output,
                                                re.MULTILINE)))
        for event in ("instructions", "branches", "cycles"):
            low = host_counts(event, 1, 2, nth)
            high = host_counts(event, int(first), int(last))
            if not low <= counts.get(event, -1) <= high:
                problems.append(f"marks {pair}: {event}: perf {counts.get(event, 'nothing')}, "
                                f"books between {low} and {high}")
    return problems if marks else ["no marks given"]


@check
def perf_stat_nonzero(run, *events):
    """`perf stat` counted these events, none of them nothing; misses are a part."""
    counts = perf_stat(run.output)
    problems = [f"{event}: {counts.get(event, 'not counted')}" for event in events
                if not counts.get(event)]
    for part, whole in (("cache-misses", "cache-references"), ("branch-misses", "branches")):
        if part in counts and whole in counts and counts[part] > counts[whole]:
            problems.append(f"{counts[part]} {part} of {counts[whole]} {whole}")
    return problems


@check
def rdpmc_in_books(run, reads="3", trapped="0", mode="hu"):
    """The books saw each bracket's RDPMCs (see books-equal), and how many trapped."""
    problems, rows = [], 0
    for name in run.lab:
        match = BOOKS_NAME.fullmatch(name)
        if match:
            rows += 1
            first = int(match.group(4))
            seen = run.trace.between(first, first + 1).access("rdpmc", mode)
            if seen != (int(reads), int(trapped)):
                problems.append(f"mark {first}: (RDPMCs, trapped) {seen}, "
                                f"expected ({reads}, {trapped})")
    return problems if rows else ["the program printed no books.* lines"]


def loop_outside_branches(inside):
    """Branches of loop.S outside of its marks: its SYSCALLs, if the machine counts them.

    Whether it does shows between the marks, where each of LOOP_CALLS rounds
    has a jnz and a SYSCALL.
    """
    return LOOP_OUTSIDE_CALLS if inside == LOOP_ROUNDS + 2 * LOOP_CALLS else 0


def sample_ips(run):
    """The addresses that perf-record.sh printed."""
    return [int(match, 16) for match in re.findall(r"^ip:\s+([0-9a-f]+)\s*$", run.output,
                                                   re.MULTILINE)]


@check
def samples_at(run, offset):
    """Every sample is OFFSET bytes into the loop: 0 its dec, 2 the jnz behind it.

    With an even period the loop of two instructions is always interrupted at the
    same one; a PMI that comes an odd number of instructions late, at the other.
    """
    wanted = int(str(run.lab["loop.begin"]), 16) + int(offset)
    ips = sample_ips(run)
    if not ips:
        return ["no samples"]
    others = sorted({ip for ip in ips if ip != wanted})
    return [f"samples at {', '.join(map(hex, others))}, expected {wanted:#x}"] if others else []


@check
def perf_samples(run, period):
    """`perf script -F ip` on loop recorded with -c PERIOD: number and place.

    loop retires LOOP_INSIDE_INSNS + LOOP_OUTSIDE_INSNS instructions in user
    mode, perf counts from its first to its last: the quotient is exact.  The
    program prints where its loop lies (nm, `# lab: loop.begin=`, `loop.end=`).
    """
    total = LOOP_INSIDE_INSNS + LOOP_OUTSIDE_INSNS
    begin, end = int(str(run.lab["loop.begin"]), 16), int(str(run.lab["loop.end"]), 16)
    ips = sample_ips(run)
    problems = []
    if len(ips) != total // int(period):
        problems.append(f"{len(ips)} samples, expected {total} / {period} = {total // int(period)}")
    outside = [ip for ip in ips if not begin <= ip < end]
    if outside:
        problems.append(f"{len(outside)} samples outside of the loop, first at {outside[0]:#x}")
    return problems


# --- guests -------------------------------------------------------------------

@check
def guest_ran(run, modes="gu+gk", least="1"):
    """The books show instructions in these modes at the end of the run."""
    total = sum(book.count("insns", modes) for book in run.trace.end.books)
    return [] if total >= int(least) else [f"{total} instructions in {modes}, want {least}"]


@check
def no_pmu_access(run):
    """Nobody in a guest touched a PMU register (a guest without one must not)."""
    problems = []
    for number, book in enumerate(run.trace.end.books):
        for kind in ("rdmsr", "wrmsr", "rdpmc"):
            for mode in ("gu", "gk", "nu", "nk"):
                count, _ = book.access(kind, mode)
                if count:
                    problems.append(f"cpu {number}: {count} {kind} from {mode}")
    return problems


# The emulator's clock moves on by traces of at most 32 instructions; the two
# readings of the TSC are a few instructions away from the marks.
CLOCK_TICKS = 64


@check
def clocks_agree(run):
    """The time-stamp counter went as far as the emulator's clock between marks 1 and 2."""
    ticks = run.trace.find(2).ticks - run.trace.find(1).ticks
    tsc = int(run.lab["clocks.tsc"])
    if abs(ticks - tsc) <= CLOCK_TICKS:
        return []
    return [f"TSC {tsc}, emulator {ticks} ticks"]


@check
def nested_books(run, expected):
    """`some` or `no` instructions were booked for nested guests, apart from guests'."""
    books = run.trace.end.books
    nested = sum(cpu.count("insns", "nu+nk") for cpu in books)
    guest = sum(cpu.count("insns", "gu+gk") for cpu in books)
    if not guest:
        return ["no instructions of a guest at all"]
    if (nested > 0) != (expected == "some"):
        return [f"{nested} instructions of nested guests, expected {expected}"]
    return []


# Exits by which an access of each kind can trap.
TRAPS = {"rdmsr": ("rdmsr",), "wrmsr": ("wrmsr",), "rdpmc": ("rdpmc",),
         "lvtpc": ("rdmsr", "wrmsr", "apic-access", "apic-write", "npf",
                   "npf-reserved")}


@check
def traps_are_exits(run):
    """Accesses booked as trapped are accesses, and had an exit that could be theirs."""
    problems = []
    for number, book in enumerate(run.trace.end.books):
        exits = book.exits()
        for kind, names in TRAPS.items():
            pairs = [book.access(kind, mode) for mode in ("gu", "gk", "nu", "nk")]
            count, trapped = (sum(column) for column in zip(*pairs))
            possible = sum(exits.get(name, 0) for name in names)
            if trapped > count or trapped > possible:
                problems.append(f"cpu {number}: {kind}: {trapped} trapped of {count}, "
                                f"{possible} exits")
        trapped = sum(book.access("rdpmc", mode)[1] for mode in ("gu", "gk", "nu", "nk"))
        if trapped != exits.get("rdpmc", 0):
            problems.append(f"cpu {number}: {trapped} RDPMC trapped, {exits.get('rdpmc', 0)} exits")
    return problems
