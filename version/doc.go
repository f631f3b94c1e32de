// Package version is a map with history, after Git's model: branches, commits,
// tags, merges, diffs, blame, and every old state readable. It lives in one
// keyspace of any [kv.Store]; package varve opens one in a database.
//
//	m, err := version.Open[string, Page](version.OnStore(store, keyspace, kv.Sync), nil)
//	main, err := m.Main()
//	err = main.Put("intro", page)
//	first, err := main.Commit("First draft", nil)
//	draft, err := main.Fork("draft")
//	…
//	res, err := main.Merge(draft, nil)
//
// # States
//
// A [Branch] has a working state: its newest commit with the edits on top that
// are not committed yet. A [State] is what the map holds at a commit. Both are
// read in the same ways. What a commit costs follows from its edits, what a
// diff or a merge costs from the differences, whatever the size of the map.
//
// # Trees
//
// A state is a copy-on-write B+ tree, [Tree], whose nodes never change; so
// states share what they have in common. Each node is named by the commit that
// wrote it and a number. Each child pointer carries the number of entries below,
// which gives Len, Rank and Select at every commit in O(log n), and their
// fingerprint ([Sum]), which tells in O(1) whether two states are equal.
//
// The rule that everything rests on: the tree of a commit has only nodes that
// the commit wrote itself, or that are in the tree of a parent. Whatever else
// brings content from one commit to another (cherry-pick, revert, rebase,
// squash, patches, fetch) applies edits.
//
// # Exchange
//
// [Map.Fetch] and [Map.Push] bring commits from one clone to another over any
// connection, [Map.Bundle] and [Map.Unbundle] through a file: both sides have the
// same history after. [Map.WritePatch] writes what differs between two versions,
// and [Branch.ApplyPatch] brings that to any map of the same types, as a commit
// of its own.
//
// # Space
//
// A commit stays as long as a branch, a tag or the reflog names it, or another
// commit descends from it; what is left of it after goes in the same batch, with
// its nodes. Nothing is counted or collected when a map is opened, nor later.
// [Map.Truncate] forgets old history.
//
// # Durability and concurrency
//
// Each method that changes something is one transaction of the store: it is done
// wholly or not at all, and is as durable as the map's [Home] says when it
// returns. Only Fetch, Unbundle and the answer to Push are several, so that they
// can go on after a cut: the branches move in the last. Readers see one state and
// wait for nobody. Handles of a map may be used concurrently; a [Tree], a [Change]
// and the walks that methods return belong to one goroutine. The package starts no
// goroutine. Its only locks are those of the [Cache], held for single look-ups and
// never two at once.
//
// # Damage
//
// Every node has a checksum over its name and content, and every parent knows
// the smallest key of its children, so that neither a damaged nor a misplaced
// node is ever a wrong answer: it is a *kv.CorruptionError that names node and
// commit. [Verify] checks all there is.
package version
