"""What is stored: rows and bytes of every table of the gate's database and of its spool, counted before and after reads."""

# Tables that grow for other reasons than reads, or by one row for a lane, or for a list or an agency and a day, however many reads there were.
NOT_BY_READS = ("epochs", "feed_days", "lanes", "list_days")


class Census:
    def __init__(self, installation):
        self.installation = installation

    def tables(self):
        rows = self.installation.cluster.psql(
            "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE n.nspname = 'platesieve' AND c.relkind = 'r' ORDER BY 1")
        return [row[0] for row in rows]

    def take(self):
        """{table: (rows, bytes)}; "spool" is the gate's own file."""
        tables = self.tables()
        query = " UNION ALL ".join(f"SELECT '{name}', (SELECT count(*) FROM platesieve.\"{name}\"), "
                                   f"pg_total_relation_size('platesieve.\"{name}\"')" for name in tables)
        counted = {name: (int(rows), int(size)) for name, rows, size in self.installation.cluster.psql(query)}
        counted["spool"] = (self.spool_rows(), 0)
        return counted

    def spool_rows(self):
        return self.installation.auditor_status()["spool"]["depth"]

    def explained(self):
        """Rows of hits, sightings and pictures that belong to an entry of a list: (hits, sightings, pictures)."""
        of_entry = "EXISTS (SELECT FROM platesieve.entries e WHERE e.list = h.list AND e.key = h.entry)"
        hits = self.installation.cluster.psql(f"SELECT count(*) FROM platesieve.hits h WHERE {of_entry}")
        sightings = self.installation.cluster.psql(
            f"SELECT count(*) FROM platesieve.sightings s JOIN platesieve.hits h ON h.id = s.hit WHERE {of_entry}")
        pictures = self.installation.cluster.psql(
            f"SELECT count(*) FROM platesieve.evidence p JOIN platesieve.hits h ON h.id = p.hit WHERE {of_entry}")
        return int(hits[0][0]), int(sightings[0][0]), int(pictures[0][0])

    def compare(self, before, after):
        """What reads left between two counts: rows_for_non_matches (rows that no listed entry explains), hits, hit_rows, hit_bytes (what
        the tables of hits hold in live rows), grown ({table: rows})."""
        grown = {name: after[name][0] - before.get(name, (0, 0))[0] for name in after if name not in NOT_BY_READS}
        grown = {name: rows for name, rows in grown.items() if rows}
        hits, sightings, pictures = self.explained()
        rows = hits + sightings
        return {"rows_for_non_matches": max(0, sum(grown.values()) - rows - pictures), "hits": hits, "sightings": sightings, "grown": grown,
                "hit_rows": rows, "hit_bytes": self.hit_bytes()}

    def hit_bytes(self):
        """Bytes of the rows of hits and sightings, without the rest of their pages and their indexes."""
        total = 0
        for name in ("hits", "sightings"):
            total += int(self.installation.cluster.psql(f"SELECT coalesce(sum(pg_column_size(t) + 4), 0) FROM platesieve.{name} t")[0][0])
        return total
