"""Made-up plates by the million: impossible ones, that stay apart when folded."""

ALPHABET = "ACEFHJKMNPRTUVWXY03479"  # folding changes none of these
LETTERS = 6                          # 113 million of each PREFIX


def plate(number, prefix="QQ"):
    """Plate NUMBER, 8 characters; another prefix is another set of plates."""
    text = []
    for _ in range(LETTERS):
        number, digit = divmod(number, len(ALPHABET))
        text.append(ALPHABET[digit])
    return prefix + "".join(text)


def write_list(path, count, prefix="QQ"):
    """A CSV file for `platesieve list push`: COUNT entries, all of one jurisdiction."""
    with open(path, "w", encoding="ascii") as file:
        file.write("plate,jurisdiction,reference\n")
        for number in range(count):
            file.write(f"{plate(number, prefix)},US-TX,{prefix}{number}\n")
