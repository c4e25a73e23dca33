"""Sums, differences, products, and questions about the order of numbers."""

from values import Values

Asked = tuple[str, str]


def operand(v: Values) -> int:
    return v.number(0, v.rng.choice((9, 99, 99, 999, 999, 999)) if not v.held_out else v.rng.choice((99, 999, 999)))


def add(v: Values) -> Asked:
    a, b = operand(v), operand(v)
    return _asked(v, a, b, "+", "plus", f"Add {a} and {b}.", f"What is the sum of {a} and {b}?"), f"{a} + {b} = {a + b}"


def subtract(v: Values) -> Asked:
    a, b = sorted((operand(v), operand(v)), reverse=True)
    others = f"Subtract {b} from {a}.", f"What is the difference between {a} and {b}?"
    return _asked(v, a, b, "-", "minus", *others), f"{a} - {b} = {a - b}"


def multiply(v: Values) -> Asked:
    """A two-digit number times a digit, in two steps. Training also has the table of products of digits."""
    if not v.held_out and v.rng.random() < 0.3:
        a, b = v.rng.randint(0, 10), v.rng.randint(0, 10)
        worked = f"{a} * {b} = {a * b}"
    else:
        a, b = v.number(11, 99), v.rng.randint(2, 9)
        tens, ones = a // 10 * 10 * b, a % 10 * b
        worked = f"{a} * {b} = {tens} + {ones} = {tens + ones}"
        if v.rng.random() < 0.3:
            a, b = b, a
    others = f"Multiply {a} by {b}.", f"What is the product of {a} and {b}?"
    return _asked(v, a, b, "*", "times", *others), worked


def _asked(v: Values, a: int, b: int, sign: str, word: str, *others: str) -> str:
    return v.rng.choice((
        f"What is {a} {sign} {b}?", f"What is {a} {sign} {b}?", f"{a} {sign} {b}", f"{a} {sign} {b} = ?", f"{a}{sign}{b}",
        f"What is {a} {word} {b}?", f"Calculate {a} {sign} {b}.", f"How much is {a} {sign} {b}?", *others,
    ))  # fmt: skip


def story(v: Values) -> Asked:
    name, things, rng = v.person(), v.things(), v.rng
    high, low = sorted(v.numbers(2, 2, 99), reverse=True)
    if rng.random() < 0.5:
        a, b = rng.sample((high, low), 2)
        change = rng.choice((f"buys {b} more", f"gets {b} more", f"finds {b} more", f"is given {b} more"))
        left, worked = a + b, f"{a} + {b} = {a + b}."
    else:
        a, b = high, low
        change = rng.choice((f"sells {b}", f"loses {b}", f"gives {b} away", f"sells {b} of them"))
        left, worked = a - b, f"{a} - {b} = {a - b}."
    ask = rng.choice((f"How many {things} does {name} have now?", f"How many {things} does {name} have?"))
    some = things if left != 1 else f"of the {things}"
    return f"{name} has {a} {things} and {change}. {ask}", f"{worked} {name} has {left} {some}."


def larger(v: Values) -> Asked:
    a, b = _near(v)
    high, low = max(a, b), min(a, b)
    match v.rng.randrange(4):
        case 0:
            return v.rng.choice((f"Which is larger, {a} or {b}?", f"Which number is bigger: {a} or {b}?")), f"{high} is larger than {low}."
        case 1:
            return v.rng.choice((f"Which is smaller, {a} or {b}?", f"Which number is less: {a} or {b}?")), f"{low} is smaller than {high}."
        case 2:
            return f"Is {a} larger than {b}?", f"Yes, {a} is larger than {b}." if a > b else f"No, {a} is smaller than {b}."
        case _:
            return f"Is {a} smaller than {b}?", f"Yes, {a} is smaller than {b}." if a < b else f"No, {a} is larger than {b}."


def _near(v: Values) -> list[int]:
    rng = v.rng
    while True:
        a, b = v.numbers(2, 0, rng.choice((99, 999)))
        if len(str(a)) == len(str(b)) or rng.random() < 0.3:
            return [a, b]


def order(v: Values) -> Asked:
    rng = v.rng
    found = v.numbers(rng.randint(3, 5), 0, rng.choice((99, 99, 999)))
    listed = ", ".join(map(str, found))
    match rng.randrange(4):
        case 0:
            ask = rng.choice((f"Which is the largest of {listed}?", f"What is the largest number: {listed}?"))
            return ask, f"The largest is {max(found)}."
        case 1:
            ask = rng.choice((f"Which is the smallest of {listed}?", f"What is the smallest number: {listed}?"))
            return ask, f"The smallest is {min(found)}."
        case 2:
            ask = rng.choice((f"Sort these numbers from largest to smallest: {listed}", f"Sort {listed} from largest to smallest."))
            return ask, ", ".join(map(str, sorted(found, reverse=True)))
        case _:
            ask = rng.choice((f"Sort these numbers: {listed}", f"Sort {listed} from smallest to largest.", f"Put {listed} in order."))
            return ask, ", ".join(map(str, sorted(found)))


def neighbour(v: Values) -> Asked:
    n = v.number(1, 998)
    match v.rng.randrange(3):
        case 0:
            return v.rng.choice((f"What number comes after {n}?", f"What comes after {n}?")), f"{n + 1} comes after {n}."
        case 1:
            return v.rng.choice((f"What number comes before {n}?", f"What comes before {n}?")), f"{n - 1} comes before {n}."
        case _:
            return v.rng.choice((f"Is {n} even or odd?", f"Is {n} odd or even?")), f"{n} is {'odd' if n % 2 else 'even'}."
