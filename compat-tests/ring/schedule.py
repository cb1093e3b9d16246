"""The faults of a run as text. The format is that of the simulator's scenarios, of which these lines are used:

    world 3 seed=7 quiet=40000000000 end=60000000000 loss=0.01,0,0.2,0 duplicate=0.02 ...
    at 12.5s cut 3.25s d1>d2 d2>d1
    at 13s crash d2 back=1.5s
    at 14s pause d3 0.5s

`spread-sim --seed X --print-schedule` prints one; `spread-sim --scenarios FILE` runs one, also one that run.py wrote.
Options (Sources/SpreadSim/Options.swift): loss of tokens, data, membership packets, hurry packets; duplicate, swap, late,
partialMulticast; delayFloor and delayMean in seconds; keepsOrder; quiet and end in nanoseconds. The others, what clients
do and the steps of clocks are left out: daemons of one machine have one clock."""

import re


class Schedule:
    def __init__(self, daemons=0, **options):
        self.daemons = daemons
        self.options = {"seed": "1", "quiet": "40000000000", "end": "60000000000", **options}
        # (seconds, words) in order of time; links as pairs of names.
        self.events = []

    @staticmethod
    def read(path):
        result = Schedule()
        with open(path) as file:
            for number, line in enumerate(file, 1):
                words = line.split("#")[0].split()
                if words == ["----"]:
                    break
                try:
                    if words[:1] == ["world"]:
                        result.daemons = int(words[1])
                        result.options.update(word.split("=", 1) for word in words[2:] if "=" in word)
                    elif words[:1] == ["at"] and words[2] in ("cut", "crash", "pause"):
                        result.events.append((seconds(words[1]), words[2:]))
                except (ValueError, IndexError) as error:
                    raise ValueError(f"{path}:{number}: {line.strip()}: {error}") from None
        if not result.daemons:
            raise ValueError(f"{path}: no line 'world DAEMONS ...'")
        result.events.sort(key=lambda event: event[0])
        return result

    @property
    def seed(self):
        return int(self.options["seed"])

    @property
    def quiet(self):
        return int(self.options["quiet"]) / 1e9

    @property
    def end(self):
        return int(self.options["end"]) / 1e9

    @property
    def switch_lines(self):
        """The words of the switch for it."""
        get = self.options.get
        loss = get("loss", "0,0,0,0").replace(",", " ")
        order = "kept" if get("keepsOrder", "true") == "true" else "free"
        return [
            f"loss {loss}", f"duplicate {get('duplicate', 0)}", f"swap {get('swap', 0)}", f"late {get('late', 0)}",
            f"miss {get('partialMulticast', 0)}", f"delay {get('delayFloor', 0)} {get('delayMean', 0)}", f"order {order}"]

    def write(self, path):
        with open(path, "w") as file:
            words = [f"{name}={value}" for name, value in self.options.items()]
            print(f"world {self.daemons} {' '.join(words)}", file=file)
            for time, words in sorted(self.events, key=lambda event: event[0]):
                print(f"at {time:.3f}s {' '.join(words)}", file=file)
            print(f"run {self.end:.3f}s\nrings\ncheck settled\n----", file=file)


def seconds(word):
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s)", word)
    if word == "ever":
        return None
    if not match:
        raise ValueError(f"{word} is no time")
    return float(match[1]) / (1000 if match[2] == "ms" else 1)


def length(words):
    """How long it lasts, in seconds; None: for ever."""
    if words[0] == "crash":
        back = [word[5:] for word in words if word.startswith("back=")]
        return seconds(back[0]) if back else None
    return seconds(words[1 if words[0] == "cut" else 2])


def links(components):
    """The links between components of the network, as words."""
    place = {index: k for k, part in enumerate(components) for index in part}
    return [f"d{a + 1}>d{b + 1}" for a in place for b in place if place[a] != place[b]]
