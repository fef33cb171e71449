package redact

// onEach calls check as this processor works, and then as lesser ones would.
func onEach(check func()) {
	defer func(bmi2, avx2, avx512 bool) { hasBMI2, hasAVX2, hasAVX512 = bmi2, avx2, avx512 }(hasBMI2, hasAVX2, hasAVX512)
	check()
	hasAVX512 = false
	check()
	hasAVX2, hasBMI2 = false, false
	check()
}
