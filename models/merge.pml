/* The protocol of merging; internal/protocol/merge.go says what it is. There are two keys,
 * each with a page at the start, a writer of each, one who merges the upper page into
 * the lower one, and one who scans or, with -DGET, reads key 1. With -DBUG a late helper does not ask the index
 * whether it still leads to the page that is to be merged, and merges it again into a
 * leaf that was split off since. */

#define KEYS    2
#define ITEMS   4 /* of the two keys, and of the two writers: which put key 0 and 1 */
#define UPPER   10/* the set of those of key 1 */
#define LEAVES  8
#define PAGES   5
#define DEAD    9
#define FREED   99

#define NONE     0
#define PLAIN    1
#define SPLIT    2
#define ABSORBED 3
#define INTO     4

mtype = { write, merge, scan, get };

typedef leaf_t {
	byte low;
	byte high;
	byte base;     /* set of items */
	byte slot;     /* 0 empty, item+1, DEAD */
	bool claimed;
	bool sealed;
	byte next;     /* kind of the successor */
	byte left;     /* the successor */
	byte page      /* of the right half, or the absorbed one */
};

leaf_t leaf[LEAVES];
byte used;
byte page[PAGES];  /* the leaf, or FREED */
byte handed;
byte entry;        /* the page from key 1 on, 0 for none */
byte version;      /* of the index */
byte done;         /* set of items whose puts returned */
byte finished;

inline content(l, set) {
	set = leaf[l].base;
	if :: leaf[l].slot != 0 && leaf[l].slot != DEAD -> set = set | (1 << (leaf[l].slot - 1)) :: else fi
}

/* makeLeaf makes the leaf of number used. */
inline makeLeaf(from, to, items) {
	leaf[used].low = from;
	leaf[used].high = to;
	leaf[used].base = items & (from == 0 -> 15 : UPPER) & (to == KEYS -> 15 : 15 - UPPER);
	used++
}

/* Leaves to which the index leads lie side by side, but where one is split or merged. */
inline check() {
	assert(entry == 0 || page[entry] != FREED);
	assert(entry == 0 || leaf[page[entry]].low == 1);
	assert(leaf[page[0]].high == (entry != 0 -> 1 : KEYS)
		|| (entry != 0 && leaf[page[0]].next == SPLIT && leaf[page[0]].page == entry)
		|| (entry == 0 && leaf[page[0]].next == ABSORBED))
}

inline kill(l) {
	atomic { if :: leaf[l].claimed && leaf[l].slot == 0 -> leaf[l].slot = DEAD :: else fi }
}

/* install makes the successor of leaf x the one that counts in page w. */
inline install(w, x) {
	if
	:: leaf[x].next == SPLIT || leaf[x].next == ABSORBED ->
		do
		:: true ->
			atomic { v = version; has = (entry != 0) };
			if
			:: atomic { page[w] != x -> v = 0; has = false; break }
			:: atomic { page[w] == x && has == (leaf[x].next == SPLIT) -> v = 0; has = false; break }
			:: atomic { page[w] == x && has != (leaf[x].next == SPLIT) -> skip }
			fi;
			if
			:: atomic { version == v ->
				version++;
				entry = (leaf[x].next == SPLIT -> leaf[x].page : 0);
				v = 0; has = false;
				check();
				break }
			:: atomic { version != v -> v = 0; has = false }
			fi
		od
	:: else
	fi;
	if
	:: atomic { page[w] == x -> page[w] = leaf[x].left; check() };
		if
		:: atomic { leaf[x].next == ABSORBED -> page[leaf[x].page] = FREED; check() }
		:: leaf[x].next != ABSORBED
		fi
	:: page[w] != x
	fi
}

/* mergeLeft merges page p, whose leaf l says so, into page 0. */
inline mergeLeft() {
	do
	:: atomic { page[p] != l -> break }
	:: page[p] == l ->
		q = page[0];
#ifndef BUG
		if
		:: atomic { entry != p -> break }
		:: entry == p
		fi;
#endif
		if
		:: atomic { leaf[q].next == NONE && leaf[q].high == leaf[l].low -> skip };
			leaf[q].sealed = true;
			kill(q);
			kill(l);
			atomic {
				if
				:: leaf[q].next == NONE ->
					content(q, set);
					content(l, low);
					set = set | low;
					leaf[q].page = p;
					leaf[q].left = used; makeLeaf(0, KEYS, set);
					leaf[q].next = ABSORBED;
					set = 0; low = 0
				:: else
				fi
			};
			install(0, q)
		:: atomic { leaf[q].next == NONE && leaf[q].high != leaf[l].low -> skip }
		:: atomic { leaf[q].next != NONE -> skip };
			install(0, q)
		fi;
		q = 0
	od;
	q = 0
}

/* succeed publishes the successor of leaf l with a change. */
inline succeed() {
	if
	:: leaf[l].next == NONE ->
		content(l, set);
		set = set | (1 << id);
		carried = true;
		if
		:: leaf[l].low == 0 && leaf[l].high == KEYS ->
			leaf[l].page = handed;
			leaf[l].left = used; makeLeaf(0, 1, set);
			page[handed] = used; makeLeaf(1, KEYS, set);
			handed++;
			leaf[l].next = SPLIT
		:: else ->
			leaf[l].left = used; makeLeaf(leaf[l].low, leaf[l].high, set);
			leaf[l].next = PLAIN
		fi;
		set = 0
	:: else
	fi
}

proctype process(byte id; mtype kind; byte key) {
	byte p, l, q, v, set, low, seen, found;
	bool has, carried;
	if :: kind == scan -> seen = done :: else fi;
again:
	atomic {
		l = 0;
		p = (key == 1 -> entry : 0);
		if :: kind == merge && p == 0 -> goto end :: else fi
	};
	atomic {
		l = page[p];
		if
		:: l == FREED -> goto again
		:: l != FREED && key >= leaf[l].high -> goto beyond
		:: else
		fi
	};
	if
	:: kind == write ->
		if
		:: atomic { leaf[l].next != NONE -> goto help }
		:: atomic { leaf[l].next == NONE && !leaf[l].sealed && !leaf[l].claimed -> leaf[l].claimed = true };
			if
			:: atomic { leaf[l].slot == 0 -> leaf[l].slot = id + 1; done = done | (1 << id); goto end }
			:: leaf[l].slot == DEAD -> goto again
			fi
		:: atomic { leaf[l].next == NONE && (leaf[l].sealed || leaf[l].claimed) -> leaf[l].sealed = true }
		fi;
		kill(l);
		atomic { succeed(); goto help }
	:: kind == merge ->
		if
		:: leaf[l].next != NONE -> goto end
		:: atomic { leaf[l].next == NONE -> leaf[l].sealed = true }
		fi;
		if
		:: leaf[l].next != NONE -> goto end
		:: atomic { leaf[l].next == NONE -> leaf[l].next = INTO; goto help }
		fi
	:: kind == get || kind == scan ->
		if :: kind == get -> seen = done & UPPER :: else fi;
		if
		:: atomic { leaf[l].next != NONE -> goto help }
		:: leaf[l].next == NONE
		fi;
		atomic {
			content(l, set);
			set = set & seen & (key == 1 -> UPPER : 15);
			assert((found & set) == 0); /* nothing is read twice */
			found = found | set;
			set = 0;
			key = leaf[l].high;
			if
			:: kind == get || key == KEYS ->
				assert(found == seen); /* what was visible is read */
				goto end
			:: else -> goto again
			fi
		}
	fi;
beyond:
	if
	:: atomic { leaf[l].next != NONE -> skip }
	:: atomic { leaf[l].next == NONE -> goto again }
	fi;
help:
	if
	:: leaf[l].next == INTO -> mergeLeft()
	:: else -> install(p, l)
	fi;
	if
	:: atomic { carried -> done = done | (1 << id) }
	:: !carried && kind != merge -> goto again
	:: !carried && kind == merge
	fi;
end:
	atomic { p = 0; l = 0; key = 0; seen = 0; found = 0; carried = false; finished++ }
}

init {
	byte set, rest;
	atomic {
		page[0] = used; makeLeaf(0, 1, 1);
		page[1] = used; makeLeaf(1, 2, 2);
		entry = 1;
		handed = 2;
		done = 3;
		run process(2, write, 0);
		run process(3, write, 1);
		run process(0, merge, 1);
#ifdef GET
		run process(0, get, 1)
#else
		run process(0, scan, 0)
#endif
	};
	finished == 4;
	d_step {
		content(page[0], set);
		if :: entry != 0 -> content(page[entry], rest); set = set | rest :: else fi;
		assert(set == 15) /* no write is lost */
	}
}
