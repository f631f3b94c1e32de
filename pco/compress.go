package pco

// Compress appends numbers to dst as a standalone file. Options nil is the
// defaults. The same numbers and options give the same bytes.
func Compress[T Number](dst []byte, nums []T, opt *Options) ([]byte, error) {
	o, err := opt.filled()
	if err != nil {
		return dst, err
	}
	o.PageSize = o.ChunkSize
	t := TypeOf[T]()
	h := fileHeader{typ: t, hint: uint64(len(nums)), wrapped: CurrentHeader()}
	out := h.append(dst)
	for len(nums) > 0 {
		n := min(len(nums), o.ChunkSize)
		c, err := NewChunkEncoder(nums[:n], &o)
		if err != nil {
			return dst, err
		}
		out = append(out, byte(t), byte(n-1), byte((n-1)>>8), byte((n-1)>>16))
		out = c.AppendPage(c.AppendMeta(out), 0)
		nums = nums[n:]
	}
	return append(out, 0), nil
}
