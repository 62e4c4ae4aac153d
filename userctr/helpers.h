/* userctr/helpers.h - short lives of this program, started by the daemon (child.h) for work that would hold it up. */
#ifndef USERCTR_HELPERS_H
#define USERCTR_HELPERS_H

/* The verb `userctr populate LOWER (PATH DEST)...`: fill volumes with what the image has at PATH. */
int populate_main(int argc, char **argv);

/* The verb `userctr pack [NAME AS]`: a tar of what is below the directory that is descriptor 3, or of one entry of it. */
int pack_main(int argc, char **argv);

/* The verb `userctr list-changes`: what the layer that is descriptor 3 changes in the tree that is descriptor 4, as JSON. */
int diff_main(int argc, char **argv);

/* The verb `userctr extract`: the archive from descriptor 0 below the directory that is descriptor 3. Says on descriptor 1 what
 * went wrong. */
int extract_main(int argc, char **argv);

/* The verb `userctr remove-tree DIR...`. */
int remove_tree_main(int argc, char **argv);

#endif
