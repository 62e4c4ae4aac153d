// SPDX-License-Identifier: Apache-2.0
/* Names of containers. The made-up ones honour people of engineering and science. */
#include "userctr/names.h"

#include "lib/base/owned.h"

#include <stdio.h>
#include <string.h>

static const char *const adjectives[] = {
	"able",	    "amber",   "ample",	  "apt",     "azure",	"balmy",  "bold",   "brave",  "breezy", "brisk",
	"calm",	    "candid",  "clear",	  "clever",  "cosy",	"crisp",  "daring", "deft",   "eager",	"early",
	"earnest",  "easy",    "fair",	  "fine",    "firm",	"fleet",  "fluent", "fond",   "frank",	"fresh",
	"gentle",   "glad",    "golden",  "grand",   "hardy",	"hearty", "honest", "humble", "jolly",	"just",
	"keen",	    "kind",    "lively",  "loyal",   "lucid",	"lucky",  "mellow", "merry",  "mighty", "mild",
	"modest",   "neat",    "nimble",  "noble",   "patient", "placid", "plucky", "polite", "prime",	"proud",
	"quick",    "quiet",   "ready",	  "robust",  "rosy",	"sage",	  "serene", "sharp",  "silent", "silver",
	"sincere",  "smooth",  "snug",	  "solid",   "sound",	"spry",	  "stable", "steady", "stout",	"subtle",
	"sunny",    "swift",   "tender",  "thrifty", "tidy",	"tough",  "trusty", "upbeat", "valiant", "vivid",
	"warm",	    "wise",    "witty",	  "zesty",   "zippy",
};

static const char *const surnames[] = {
	"abel",	     "airy",	 "ampere",    "aryabhata", "babbage",  "bardeen",   "barnard",	"bassi",     "bernoulli",
	"bessel",    "blackett", "bohr",      "boole",	   "born",     "bose",	    "boyle",	"braun",     "brunel",
	"burnell",   "cannon",	 "cantor",    "carnot",	   "cauchy",   "cavendish", "celsius",	"chatelet",  "chern",
	"church",    "clarke",	 "cori",      "coulomb",   "curie",    "dalton",    "darwin",	"descartes", "dijkstra",
	"dirac",     "doppler",	 "edison",    "eiffel",	   "einstein", "erdos",	    "euclid",	"euler",     "faraday",
	"fermat",    "fermi",	 "feynman",   "fourier",   "franklin", "galilei",   "galois",	"galvani",   "gauss",
	"germain",   "gibbs",	 "goodall",   "hadamard",  "haldane",  "halley",    "hamilton", "hamming",   "heaviside",
	"helmholtz", "henry",	 "herschel",  "hertz",	   "hilbert",  "hooke",	    "hopper",	"hubble",    "huygens",
	"hypatia",   "jacobi",	 "jacquard",  "johnson",   "joule",    "kelvin",    "kepler",	"khayyam",   "kirchhoff",
	"kleene",    "knuth",	 "koch",      "lagrange",  "lamarr",   "landau",    "laplace",	"leavitt",   "legendre",
	"leibniz",   "lindgren", "linnaeus",  "liskov",	   "lovelace", "mach",	    "maxwell",	"mayer",     "mcclintock",
	"meitner",   "mendel",	 "mercator",  "mirzakhani", "moebius", "morse",	    "napier",	"newcomen",  "newton",
	"nightingale", "nobel",	 "noether",   "oersted",   "ohm",      "papin",	    "pascal",	"pasteur",   "pauli",
	"pavlov",    "peano",	 "perlman",   "planck",	   "poincare", "poisson",   "ramanujan", "rayleigh", "riemann",
	"ritchie",   "rosalind", "rubin",     "rutherford", "schrodinger", "shannon", "siemens", "simson",   "sinoussi",
	"somerville", "stephenson", "stokes", "tesla",	   "thales",   "thompson",  "torricelli", "turing",  "vaughan",
	"volta",     "vonneumann", "wallace", "watt",	   "weber",    "weierstrass", "wilkes",	"wu",	     "yalow",
	"yang",	     "yukawa",	 "zuse",
};

bool name_is_valid(const char *name)
{
	static const char first[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
	static const char rest[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
	size_t n = strlen(name);

	return n >= 2 && n < 256 && strchr(first, name[0]) != NULL && strspn(name, rest) == n;
}

void name_make(uint64_t random, unsigned attempt, char *out, size_t size)
{
	const char *a = adjectives[random % countof(adjectives)];
	const char *s = surnames[(random >> 20) % countof(surnames)];

	if (attempt == 0)
		(void)snprintf(out, size, "%s_%s", a, s); /* the words are short */
	else
		(void)snprintf(out, size, "%s_%s%u", a, s, (unsigned)(random >> 40) % 10 + 10 * (attempt - 1));
}
