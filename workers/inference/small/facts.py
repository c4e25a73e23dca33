"""Facts about people that a prompt states, and the questions that they answer."""

from dataclasses import dataclass

from values import COLOURS, DAYS, MONTHS, TRADES, Values

HOLDINGS = [("keep", "keeps"), ("have", "has"), ("own", "owns"), ("sell", "sells"), ("buy", "buys"), ("need", "needs")]
DOINGS = [
    ("travel", "travels"), ("swim", "swims"), ("paint", "paints"), ("play", "plays"), ("cook", "cooks"), ("work", "works"),
    ("sing", "sings"), ("rest", "rests"), ("leave", "leaves"), ("arrive", "arrives"), ("run", "runs"), ("dance", "dances"),
]
UNSTATED = "That isn't stated."


@dataclass(frozen=True)
class Fact:
    """A fact about a person: how a text states it, how a question asks for it or for the person, and the answer."""

    value: str | int
    said: tuple[str, ...]
    asked: tuple[str, ...]
    sought: tuple[str, ...]
    doubted: str
    answer: str

    def turned(self, name: str) -> str:
        """States the fact with the person at the end."""
        return f"The one w{self.sought[0][1:-1]} is {name}."


def lives(name: str, city: str) -> Fact:
    return Fact(
        city,
        (f"{name} lives in {city}.", f"{name} has a house in {city}.", f"{name}'s home is in {city}."),
        (f"Where does {name} live?", f"In which city does {name} live?", f"Which city does {name} live in?"),
        (f"Who lives in {city}?", f"Which person lives in {city}?"),
        f"Does {name} live in {city}?",
        f"{name} lives in {city}.",
    )


def is_aged(name: str, age: int) -> Fact:
    return Fact(
        age,
        (f"{name} is {age} years old.", f"{name} is {age}.", f"{name}'s age is {age}."),
        (f"How old is {name}?", f"What is {name}'s age?", f"What age is {name}?"),
        (f"Who is {age} years old?", f"Who is {age}?"),
        f"Is {name} {age} years old?",
        f"{name} is {age} years old.",
    )


def holds(name: str, count: int, things: str, holding: tuple[str, str]) -> Fact:
    plain, third = holding
    return Fact(
        count,
        (f"{name} {third} {count} {things}.",),
        (f"How many {things} does {name} {plain}?", f"What number of {things} does {name} {plain}?"),
        (f"Who {third} {count} {things}?", f"Who {third} {things}?"),
        f"Does {name} {plain} {count} {things}?",
        f"{name} {third} {count} {things}.",
    )


def does(name: str, day: str, doing: tuple[str, str]) -> Fact:
    plain, third = doing
    return Fact(
        day,
        (f"{name} {third} on {day}.", f"On {day} {name} {third}."),
        (f"When does {name} {plain}?", f"On which day does {name} {plain}?", f"What day does {name} {plain}?"),
        (f"Who {third} on {day}?",),
        f"Does {name} {plain} on {day}?",
        f"{name} {third} on {day}.",
    )


def was_born(name: str, month: str) -> Fact:
    return Fact(
        month,
        (f"{name} was born in {month}.", f"{name}'s birthday is in {month}."),
        (f"When was {name} born?", f"In which month was {name} born?", f"What month was {name} born in?"),
        (f"Who was born in {month}?",),
        f"Was {name} born in {month}?",
        f"{name} was born in {month}.",
    )


def trades(name: str, trade: str) -> Fact:
    return Fact(
        trade,
        (f"{name} is {trade}.", f"{name} works as {trade}."),
        (f"What is {name}'s job?", f"What does {name} do?", f"What does {name} work as?"),
        (f"Who is {trade}?", f"Who works as {trade}?"),
        f"Is {name} {trade}?",
        f"{name} is {trade}.",
    )


def likes(name: str, colour: str) -> Fact:
    return Fact(
        colour,
        (f"{name}'s favourite colour is {colour}.", f"{name} likes the colour {colour}."),
        (f"What is {name}'s favourite colour?", f"Which colour does {name} like?"),
        (f"Whose favourite colour is {colour}?", f"Who likes the colour {colour}?"),
        f"Is {name}'s favourite colour {colour}?",
        f"{name}'s favourite colour is {colour}.",
    )


class World:
    """A few people with different values for each kind of fact, so that each question has one answer."""

    def __init__(self, v: Values, people: int, turned: bool = False):
        rng = v.rng
        people = min(people, v.reach.people)
        self.v = v
        self.turned = turned
        self.people: list[str] = []
        while len(self.people) < people:
            if (name := v.person()) not in self.people:
                self.people.append(name)
        holding, doing = rng.choice(HOLDINGS), rng.choice(DOINGS)
        one = v.things() if rng.random() < 0.3 else None
        columns = {
            lives: [(v.city(),) for _ in self.people],
            is_aged: [(age,) for age in v.numbers(people, 2, 99)],
            holds: [(n, one or v.things(), holding) for n in v.numbers(people, 2, rng.choice((20, 99, 99, 999)))],
            does: [(day, doing) for day in rng.sample(DAYS, people)],
            was_born: [(month,) for month in rng.sample(MONTHS, people)],
            trades: [(trade,) for trade in rng.sample(TRADES, people)],
            likes: [(colour,) for colour in rng.sample(COLOURS, people)],
        }
        self.one_thing = one
        kinds = rng.sample(list(columns), rng.randint(1, min(v.reach.facts, 3 if people < 4 else 2)))
        self.facts = {
            (name, kind): kind(name, *columns[kind][at]) for at, name in enumerate(self.people) for kind in kinds
        }
        self.kinds = kinds
        self._columns = columns

    def text(self) -> str:
        """States every fact once, in a random order."""
        rng = self.v.rng
        said = [self._said(name) for name in self.people]
        sentences = [sentence for of_one in said for sentence in of_one]
        if rng.random() < 0.5:
            rng.shuffle(sentences)
        return " ".join(sentences)

    def _said(self, name: str) -> list[str]:
        rng = self.v.rng
        facts = [self.facts[name, kind] for kind in self.kinds]
        rng.shuffle(facts)
        if self.v.reach.plain:
            return [fact.turned(name) if self.turned else fact.answer for fact in facts]
        sentences = [rng.choice(fact.said) for fact in facts]
        if len(sentences) > 1 and rng.random() < 0.4 and all(s.startswith(f"{name} ") for s in sentences[:2]):
            joined = sentences[0][:-1] + " and " + sentences[1][len(name) + 1 :]
            return [joined, *sentences[2:]]
        return sentences

    def any(self) -> Fact:
        return self.v.rng.choice(list(self.facts.values()))

    def question(self) -> tuple[str, str, str]:
        """Returns a question, its answer as a sentence, and the value on its own."""
        fact = self.any()
        return self.v.rng.choice(fact.asked), fact.answer, str(fact.value)

    def seeking(self) -> tuple[str, str, str]:
        """Returns a question that asks which person a fact is about."""
        name, kind = self.v.rng.choice(list(self.facts))
        fact = self.facts[name, kind]
        if self.turned:
            return fact.sought[0], fact.turned(name), name
        sought = fact.sought[:1] if self.one_thing and kind is holds else fact.sought
        return self.v.rng.choice(sought), fact.answer, name

    def doubting(self) -> tuple[str, str, str]:
        """Returns a question with the answer yes or no."""
        rng = self.v.rng
        at, kind = rng.randrange(len(self.people)), rng.choice(self.kinds)
        name = self.people[at]
        fact = self.facts[name, kind]
        if rng.random() < 0.5:
            return fact.doubted, f"Yes, {fact.answer}", "Yes"
        others = [other for other in range(len(self.people)) if other != at]
        if others and rng.random() < 0.6:
            wrong = self._columns[kind][rng.choice(others)]
            if kind is holds:
                wrong = (wrong[0], *self._columns[kind][at][1:])
        else:
            wrong = self._other(kind, at)
        false = kind(name, *wrong)
        return (false.doubted, f"No, {fact.answer}", "No") if false != fact else (fact.doubted, f"Yes, {fact.answer}", "Yes")

    def unstated(self) -> tuple[str, str, str]:
        """Returns a question that the text doesn't answer: about another person, or another fact."""
        rng = self.v.rng
        kind = rng.choice([kind for kind in self._columns if kind not in self.kinds])
        at = rng.randrange(len(self.people))
        fact = kind(self.people[at], *self._columns[kind][at])
        if rng.random() < 0.5:
            known = rng.choice(self.kinds)
            while (stranger := self.v.person()) in self.people:
                pass
            fact = known(stranger, *self._columns[known][at])
        return rng.choice(fact.asked), UNSTATED, UNSTATED

    def _other(self, kind, at: int) -> tuple:
        v, rng, mine = self.v, self.v.rng, self._columns[kind][at]
        match kind.__name__:
            case "lives":
                return (v.city(),)
            case "is_aged":
                return (v.number(2, 99),)
            case "holds":
                return (v.number(2, 99), *mine[1:])
            case "does":
                return (rng.choice(DAYS), mine[1])
            case "was_born":
                return (rng.choice(MONTHS),)
            case "trades":
                return (rng.choice(TRADES),)
            case _:
                return (rng.choice(COLOURS),)
