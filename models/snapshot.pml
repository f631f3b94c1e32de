/* The protocol of snapshots and consolidation; snapshot.go says what it is. With
 * -DBUG the consolidation reads the slots before it fixes its cut. */

#define READERS 2
#define NEWEST  4
#define ROUNDS  2
#define FREE    0
#define PENDING 9

byte published = 1;
byte versions = 2; /* set of numbers; 1 is there */
byte slot[READERS];
byte finished;

/* upTo sets r to the highest number of the set up to n. */
inline upTo(set, n, r) {
	r = n;
	do
	:: r > 0 && (set & (1 << r)) == 0 -> r--
	:: else -> break
	od
}

proctype writer() {
	byte n = 2;
	do
	:: n <= NEWEST -> versions = versions | (1 << n); published = n; n++
	:: else -> break
	od;
	finished++
}

proctype reader(byte me) {
	byte n, r;
	slot[me] = PENDING;
	n = published;
	slot[me] = n;
	atomic { upTo(versions, n, r); assert(r == n); r = 0 };
	slot[me] = FREE;
	finished++
}

inline fixCut() { cut = published }

inline readSlots() {
	i = 0;
	do
	:: i < READERS ->
		atomic {
			if
			:: slot[i] == PENDING -> held = true
			:: slot[i] != PENDING && slot[i] != FREE -> found = found | (1 << slot[i])
			:: else
			fi;
			i++
		}
	:: else -> break
	od
}

proctype consolidation() {
	byte round, cut, i, found, kept, n, r;
	bool held;
	do
	:: round < ROUNDS ->
		held = false; found = 0;
#ifdef BUG
		readSlots();
		fixCut();
#else
		fixCut();
		readSlots();
#endif
		atomic {
			if
			:: !held ->
				kept = versions & ~((1 << (cut + 1)) - 1);
				upTo(versions, cut, r);
				kept = kept | (1 << r);
				n = 1;
				do
				:: n <= NEWEST ->
					if :: found & (1 << n) -> upTo(versions, n, r); kept = kept | (1 << r) :: else fi;
					n++
				:: else -> break
				od;
				versions = versions & kept
			:: else
			fi;
			n = 0; r = 0; kept = 0; cut = 0
		};
		round++
	:: else -> break
	od;
	finished++
}

init {
	atomic { run writer(); run reader(0); run reader(1); run consolidation() };
	finished == READERS + 2
}
