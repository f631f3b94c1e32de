/* The protocol of the log store; log.go says what it is. With -DBUG the flusher
 * writes a sealed buffer although a writer has not completed in it. */

#define WRITERS 3
#define ROOM    2
#define BUFFERS 5
#define ABORTED 9

typedef buffer_t {
	byte reserved;
	byte writers;
	bool sealed;
	byte place[ROOM]
};

buffer_t buf[BUFFERS];
byte current;
byte written; /* buffers on disk and stable */
byte finished;

inline next(b) {
	atomic { if :: current == b -> current++ :: else fi }
}

proctype writer(byte id; bool abort) {
	byte b, at;
again:
	b = current;
	if
	:: atomic { !buf[b].sealed && buf[b].reserved < ROOM ->
		at = buf[b].reserved; buf[b].reserved++; buf[b].writers++ }
	:: atomic { !buf[b].sealed && buf[b].reserved == ROOM -> buf[b].sealed = true };
		next(b); goto again
	:: buf[b].sealed -> next(b); goto again
	fi;
	buf[b].place[at] = (abort -> ABORTED : id + 1);
	buf[b].writers--;
	written > b; /* wait until it is stable */
	assert(buf[b].place[at] != 0);
	finished++
}

proctype flusher() {
	byte i;
end:
	do
	:: atomic { !buf[written].sealed && buf[written].reserved > 0 -> buf[written].sealed = true };
		next(written)
	:: buf[written].sealed && current == written -> next(written)
#ifdef BUG
	:: buf[written].sealed ->
#else
	:: buf[written].sealed && buf[written].writers == 0 ->
#endif
		i = 0;
		do
		:: i < buf[written].reserved ->
			assert(buf[written].place[i] != 0); /* no hole goes to disk */
			i++
		:: else -> break
		od;
		written++
	od
}

init {
	atomic { run writer(0, false); run writer(1, false); run writer(2, true); run flusher() };
	finished == WRITERS
}
