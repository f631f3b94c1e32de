/* The leaf protocol of the B+ tree engine; leaf.go says what it is. With
 * -DBUG a sealed leaf keeps the empty slots of writers that have claimed them,
 * who then publish into a leaf that nobody reads any more. */

#define WRITERS 3
#define SLOTS   2
#define LEAVES  5
#define DEAD    9
#define TOP     2 /* the key that the reader asks for */

typedef leaf_t {
	byte base;     /* set of keys */
	byte claimed;
	bool sealed;
	byte slot[SLOTS]; /* 0 empty, key+1, DEAD */
	bool next;     /* has a successor */
	bool split;
	bool bounded;  /* its keys are below the separator */
	byte left;
	byte right
};

leaf_t leaf[LEAVES];
byte used = 1;
byte page[2];
bool entered;      /* the index has page 1 */
byte sep;
byte version;      /* of the index */
byte done;         /* set of writes that returned */
byte finished;

inline route(key, p) {
	p = (entered && key >= sep -> 1 : 0)
}

inline keysOf(l, set) {
	set = leaf[l].base;
	if :: leaf[l].slot[0] != 0 && leaf[l].slot[0] != DEAD -> set = set | (1 << (leaf[l].slot[0] - 1)) :: else fi;
	if :: leaf[l].slot[1] != 0 && leaf[l].slot[1] != DEAD -> set = set | (1 << (leaf[l].slot[1] - 1)) :: else fi
}

/* install enters the right half of l in the index and swaps page p to the left. */
inline install(l, p, v) {
	if
	:: leaf[l].split ->
		do
		:: true ->
			v = version;
			if
			:: atomic { page[p] != l -> break }
			:: atomic { page[p] == l -> skip }
			fi;
			if
			:: atomic { entered -> break }
			:: atomic { !entered && version == v -> entered = true; version++; break }
			:: atomic { !entered && version != v -> skip }
			fi
		od
	:: else
	fi;
	atomic { if :: page[p] == l -> page[p] = leaf[l].left :: else fi }
}

proctype writer(byte key) {
	byte p, l, s, v, set, low;
	bool carried;
again:
	route(key, p);
	l = page[p];
	if :: leaf[l].bounded && key >= sep -> goto again :: else fi;
	if
	:: atomic { !leaf[l].sealed && leaf[l].claimed < SLOTS ->
		s = leaf[l].claimed; leaf[l].claimed++ };
		if
		:: atomic { leaf[l].slot[s] == 0 -> leaf[l].slot[s] = key + 1; done = done | (1 << key) }; goto end
		:: leaf[l].slot[s] == DEAD -> goto again
		fi
	:: atomic { !leaf[l].sealed && leaf[l].claimed == SLOTS -> leaf[l].sealed = true }
	:: leaf[l].sealed
	fi;
#ifndef BUG
	atomic { if :: leaf[l].slot[0] == 0 -> leaf[l].slot[0] = DEAD :: else fi };
	atomic { if :: leaf[l].slot[1] == 0 -> leaf[l].slot[1] = DEAD :: else fi };
#endif
	atomic {
		if
		:: !leaf[l].next ->
			keysOf(l, set);
			set = set | (1 << key);
			carried = true;
			leaf[l].next = true;
			leaf[l].left = used;
			leaf[used].bounded = leaf[l].bounded;
			used++;
			if
			:: sep == 0 && (set & (set - 1)) != 0 ->
				low = set & (~set + 1);
				leaf[l].split = true;
				leaf[l].right = used;
				used++;
				set = set & ~low;
				sep = (set & 1 -> 0 : (set & 2 -> 1 : 2));
				leaf[leaf[l].left].base = low;
				leaf[leaf[l].left].bounded = true;
				leaf[leaf[l].right].base = set;
				page[1] = leaf[l].right
			:: else ->
				leaf[leaf[l].left].base = set
			fi;
			set = 0; low = 0
		:: else
		fi
	};
	install(l, p, v);
	if
	:: atomic { carried -> done = done | (1 << key) }
	:: else -> goto again
	fi;
end:
	finished++
}

proctype reader() {
	byte p, l, v, seen;
	bool found;
again:
	route(TOP, p);
	l = page[p];
	if :: leaf[l].bounded && TOP >= sep -> goto again :: else fi;
	seen = done;
	if
	:: leaf[l].next -> install(l, p, v); goto again
	:: !leaf[l].next
	fi;
	found = found || leaf[l].slot[0] == TOP + 1;
	found = found || leaf[l].slot[1] == TOP + 1;
	found = found || (leaf[l].base & (1 << TOP)) != 0;
	assert(found || (seen & (1 << TOP)) == 0); /* what was visible is read */
	finished++
}

init {
	byte all, key, p, set;
	atomic { run writer(0); run writer(1); run writer(2); run reader() };
	finished == WRITERS + 1;
	d_step {
		do
		:: key < WRITERS ->
			route(key, p);
			keysOf(page[p], set);
			all = all | (set & (1 << key));
			key++
		:: else -> break
		od;
		assert(all == 7) /* no write is lost */
	}
}
