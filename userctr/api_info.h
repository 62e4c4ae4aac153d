/* userctr/api_info.h - handlers of /info and /system/df; the rows are in api_system.c. */
#ifndef USERCTR_API_INFO_H
#define USERCTR_API_INFO_H

struct req;

void api_info(struct req *q);
void api_df(struct req *q);

#endif
