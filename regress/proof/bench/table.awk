# SPDX-License-Identifier: ISC
# awk -f table.awk results-OTHER.md... results.md: prints the README's table: the rows of
# results.md, with the ratios on other machines.
BEGIN { FS = " *[|] *" }

FNR == 1 && FILENAME !~ /results\.md$/ { other[++machines] = FILENAME }
FNR == 1 && FILENAME ~ /results\.md$/ { head() }
FILENAME !~ /results\.md$/ {
	if (FNR == 1)
		about[machines] = $0
	else if (NF > 8)
		ratio[machines, $2, $5] = $9
	next
}
FNR == 2 { print $0 "\n"; columns() }
FNR <= 6 { next }
NF > 8 && $5 !~ /^not measured/ {
	printf "| %s | %s | %s | %s | %s | %s | %s |", $2, $3, $5, $6, $9, $10, $11
	for (i = 1; i <= machines; i++)
		printf " %s |", ratio[i, $2, $5]
	print ""
}

function head() {
	printf "Measured on: %s ", $0
}

function columns(    i) {
	for (i = 1; i <= machines; i++)
		printf "The ratios in column %d: %s\n\n", 7 + i, about[i]
	printf "| figure | dazaid | beside | | ratio | goal | |"
	for (i = 1; i <= machines; i++)
		printf " column %d |", 7 + i
	printf "\n|---|---|---|---|---|---|---|"
	for (i = 1; i <= machines; i++)
		printf "---|"
	print ""
}
