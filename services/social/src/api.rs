//! gRPC: decode → app → encode.

use eventing::Done;
use kernel::{AccountId, Id, Refusal};
use platform::{Caller, answer, status};
use proto::social::{self as p, social_server::Social};
use tonic::{Request, Response, Status};

use crate::{
    app::{App, items::Under, lists},
    domain::pair::Ends,
    wire::id_of,
};

/// The service behind the contract.
pub struct Api {
    app: App,
}

type Answer<T> = Result<Response<T>, Status>;

impl Api {
    pub fn new(app: App) -> Self {
        Self { app }
    }

    async fn wrote<T>(&self, written: Result<(Done, T), Refusal>) -> Answer<T> {
        let (done, message) = written.map_err(status)?;
        Ok(answer(&self.app.journal, &done, message).await)
    }

    async fn ended(&self, done: Result<Done, Refusal>) -> Answer<p::DeleteEdgeResponse> {
        self.wrote(done.map(|done| (done, p::DeleteEdgeResponse {}))).await
    }

    async fn list(
        &self,
        states: lists::States,
        request: Request<p::ListEdgesRequest>,
    ) -> Answer<p::ListEdgesResponse> {
        let account = Caller::of(&request)?.account()?;
        read(self.app.list_edges(account, states, request.get_ref()).await)
    }
}

fn read<T>(result: Result<T, Refusal>) -> Answer<T> {
    result.map(Response::new).map_err(status)
}

/// An id that is none names nothing.
fn found<Kind>(bytes: &[u8]) -> Result<Id<Kind>, Status> {
    id_of(bytes).ok_or_else(|| status(Refusal::not_found()))
}

fn all<Kind>(ids: &[bytes::Bytes]) -> Result<Vec<Id<Kind>>, Status> {
    ids.iter().map(|id| found(id)).collect()
}

/// The account that is named, or the caller where none is.
fn named_or(caller: AccountId, named: &[u8]) -> Result<AccountId, Status> {
    if named.is_empty() { Ok(caller) } else { found(named) }
}

fn under(activity: &[u8], owner: &[u8]) -> Result<Under, Status> {
    Ok(Under { activity: found(activity)?, owner: found(owner)? })
}

/// The caller and the account it names.
fn ends(caller: &Caller, other: &[u8]) -> Result<Ends, Status> {
    Ends::new(caller.account()?, found(other)?).map_err(status)
}

#[tonic::async_trait]
impl Social for Api {
    async fn put_friend(&self, request: Request<p::PutFriendRequest>) -> Answer<p::EdgeView> {
        let caller = Caller::of(&request)?;
        let p::PutFriendRequest { account_id, only_if_received } = request.into_inner();
        let ends = ends(&caller, &account_id)?;
        self.wrote(self.app.put_friend(&caller.command(), ends, only_if_received).await).await
    }

    async fn delete_friend(&self, request: Request<p::DeleteFriendRequest>) -> Answer<p::DeleteEdgeResponse> {
        let caller = Caller::of(&request)?;
        let ends = ends(&caller, &request.get_ref().account_id)?;
        self.ended(self.app.delete_friend(&caller.command(), ends).await).await
    }

    async fn list_friends(&self, request: Request<p::ListEdgesRequest>) -> Answer<p::ListEdgesResponse> {
        self.list(lists::FRIENDS, request).await
    }

    async fn put_follow(&self, request: Request<p::PutFollowRequest>) -> Answer<p::EdgeView> {
        let caller = Caller::of(&request)?;
        let ends = ends(&caller, &request.get_ref().account_id)?;
        self.wrote(self.app.put_follow(&caller.command(), ends).await).await
    }

    async fn delete_follow(&self, request: Request<p::DeleteFollowRequest>) -> Answer<p::DeleteEdgeResponse> {
        let caller = Caller::of(&request)?;
        let ends = ends(&caller, &request.get_ref().account_id)?;
        self.ended(self.app.delete_follow(&caller.command(), ends).await).await
    }

    async fn list_following(&self, request: Request<p::ListEdgesRequest>) -> Answer<p::ListEdgesResponse> {
        self.list(lists::FOLLOWING, request).await
    }

    async fn put_follower(&self, request: Request<p::PutFollowerRequest>) -> Answer<p::EdgeView> {
        let caller = Caller::of(&request)?;
        let ends = ends(&caller, &request.get_ref().account_id)?;
        self.wrote(self.app.put_follower(&caller.command(), ends).await).await
    }

    async fn delete_follower(
        &self,
        request: Request<p::DeleteFollowerRequest>,
    ) -> Answer<p::DeleteEdgeResponse> {
        let caller = Caller::of(&request)?;
        let ends = ends(&caller, &request.get_ref().account_id)?;
        self.ended(self.app.delete_follower(&caller.command(), ends).await).await
    }

    async fn list_followers(&self, request: Request<p::ListEdgesRequest>) -> Answer<p::ListEdgesResponse> {
        self.list(lists::FOLLOWERS, request).await
    }

    async fn put_block(&self, request: Request<p::PutBlockRequest>) -> Answer<p::EdgeView> {
        let caller = Caller::of(&request)?;
        let ends = ends(&caller, &request.get_ref().account_id)?;
        self.wrote(self.app.put_block(&caller.command(), ends).await).await
    }

    async fn delete_block(&self, request: Request<p::DeleteBlockRequest>) -> Answer<p::DeleteEdgeResponse> {
        let caller = Caller::of(&request)?;
        let ends = ends(&caller, &request.get_ref().account_id)?;
        self.ended(self.app.delete_block(&caller.command(), ends).await).await
    }

    async fn list_blocks(&self, request: Request<p::ListEdgesRequest>) -> Answer<p::ListEdgesResponse> {
        self.list(lists::BLOCKS, request).await
    }

    async fn get_person(&self, request: Request<p::GetPersonRequest>) -> Answer<p::Person> {
        let viewer = Caller::of(&request)?.account()?;
        read(self.app.get_person(viewer, found(&request.get_ref().account_id)?).await)
    }

    async fn search_people(
        &self,
        request: Request<p::SearchPeopleRequest>,
    ) -> Answer<p::SearchPeopleResponse> {
        let viewer = Caller::of(&request)?.account()?;
        read(self.app.search_people(viewer, request.get_ref()).await)
    }

    async fn view_as(&self, request: Request<p::ViewAsRequest>) -> Answer<p::ViewAsResponse> {
        let owner = Caller::of(&request)?.account()?;
        read(self.app.view_as(owner, found(&request.get_ref().account_id)?).await)
    }

    async fn create_group(&self, request: Request<p::CreateGroupRequest>) -> Answer<p::Group> {
        let caller = Caller::of(&request)?;
        let (owner, terms) = (caller.account()?, request.into_inner().terms);
        self.wrote(self.app.create_group(&caller.command(), owner, terms).await).await
    }

    async fn change_group(&self, request: Request<p::ChangeGroupRequest>) -> Answer<p::Group> {
        let caller = Caller::of(&request)?;
        let by = caller.account()?;
        self.wrote(self.app.change_group(&caller.command(), by, request.into_inner()).await).await
    }

    async fn get_group(&self, request: Request<p::GetGroupRequest>) -> Answer<p::Group> {
        let viewer = Caller::of(&request)?.account()?;
        read(self.app.get_group(viewer, found(&request.get_ref().group_id)?).await)
    }

    async fn list_groups(&self, request: Request<p::ListGroupsRequest>) -> Answer<p::ListGroupsResponse> {
        let viewer = Caller::of(&request)?.account()?;
        read(self.app.list_groups(viewer, request.get_ref()).await)
    }

    async fn list_members(&self, request: Request<p::ListMembersRequest>) -> Answer<p::ListMembersResponse> {
        let viewer = Caller::of(&request)?.account()?;
        read(self.app.list_members(viewer, request.get_ref()).await)
    }

    async fn put_member(&self, request: Request<p::PutMemberRequest>) -> Answer<p::Member> {
        let caller = Caller::of(&request)?;
        let by = caller.account()?;
        let p::PutMemberRequest { group_id, account_id, role } = request.into_inner();
        let account = named_or(by, &account_id)?;
        let put = self.app.put_member(&caller.command(), by, found(&group_id)?, account, &role).await;
        self.wrote(put).await
    }

    async fn delete_member(
        &self,
        request: Request<p::DeleteMemberRequest>,
    ) -> Answer<p::DeleteMemberResponse> {
        let caller = Caller::of(&request)?;
        let by = caller.account()?;
        let p::DeleteMemberRequest { group_id, account_id, ban, successor_id } = request.into_inner();
        let (group, account) = (found(&group_id)?, named_or(by, &account_id)?);
        let successor = if successor_id.is_empty() { None } else { Some(found(&successor_id)?) };
        let deleted = self.app.delete_member(&caller.command(), by, group, account, ban, successor).await;
        self.wrote(deleted.map(|done| (done, p::DeleteMemberResponse {}))).await
    }

    async fn feed(&self, request: Request<p::FeedRequest>) -> Answer<p::FeedResponse> {
        let viewer = Caller::of(&request)?.account()?;
        read(self.app.feed(viewer, request.get_ref()).await)
    }

    async fn put_kudos(&self, request: Request<p::KudosRequest>) -> Answer<p::KudosView> {
        let caller = Caller::of(&request)?;
        let account = caller.account()?;
        let under = under(&request.get_ref().activity_id, &request.get_ref().owner_id)?;
        self.wrote(self.app.put_kudos(&caller.command(), account, under).await).await
    }

    async fn delete_kudos(&self, request: Request<p::KudosRequest>) -> Answer<p::KudosView> {
        let caller = Caller::of(&request)?;
        let account = caller.account()?;
        let activity = found(&request.get_ref().activity_id)?;
        self.wrote(self.app.delete_kudos(&caller.command(), account, activity).await).await
    }

    async fn write_comment(&self, request: Request<p::WriteCommentRequest>) -> Answer<p::Comment> {
        let caller = Caller::of(&request)?;
        let author = caller.account()?;
        let p::WriteCommentRequest { activity_id, owner_id, text } = request.into_inner();
        let under = under(&activity_id, &owner_id)?;
        self.wrote(self.app.write_comment(&caller.command(), author, under, &text).await).await
    }

    async fn list_comments(
        &self,
        request: Request<p::ListCommentsRequest>,
    ) -> Answer<p::ListCommentsResponse> {
        let viewer = Caller::of(&request)?.account()?;
        read(self.app.list_comments(viewer, request.get_ref()).await)
    }

    async fn delete_comment(
        &self,
        request: Request<p::DeleteCommentRequest>,
    ) -> Answer<p::DeleteCommentResponse> {
        let caller = Caller::of(&request)?;
        let by = caller.account()?;
        let p::DeleteCommentRequest { activity_id, comment_id } = request.into_inner();
        let (activity, comment) = (found(&activity_id)?, found(&comment_id)?);
        let deleted = self.app.delete_comment(&caller.command(), by, activity, comment).await;
        self.wrote(deleted.map(|done| (done, p::DeleteCommentResponse {}))).await
    }

    async fn relations(&self, request: Request<p::RelationsRequest>) -> Answer<p::RelationsResponse> {
        Caller::of(&request)?.service()?;
        let p::RelationsRequest { viewer_id, owner_ids, friends_of_friends } = request.into_inner();
        let viewer: Option<AccountId> = if viewer_id.is_empty() { None } else { Some(found(&viewer_id)?) };
        let owners = all(&owner_ids)?;
        read(self.app.relations_of(viewer, &owners, friends_of_friends).await)
    }

    async fn hidden(&self, request: Request<p::HiddenRequest>) -> Answer<p::HiddenResponse> {
        Caller::of(&request)?.service()?;
        let p::HiddenRequest { account_id, among_ids } = request.into_inner();
        read(self.app.hidden(found(&account_id)?, &all(&among_ids)?).await)
    }

    async fn friends_of(&self, request: Request<p::FriendsOfRequest>) -> Answer<p::FriendsOfResponse> {
        Caller::of(&request)?.service()?;
        read(self.app.friends_of(found(&request.get_ref().account_id)?).await)
    }

    async fn groups_of(&self, request: Request<p::GroupsOfRequest>) -> Answer<p::GroupsOfResponse> {
        Caller::of(&request)?.service()?;
        let accounts = all(&request.get_ref().account_ids)?;
        read(self.app.groups_of(&accounts).await)
    }

    async fn group_names(&self, request: Request<p::GroupNamesRequest>) -> Answer<p::GroupNamesResponse> {
        Caller::of(&request)?.service()?;
        let p::GroupNamesRequest { viewer_id, group_ids } = request.into_inner();
        let viewer: Option<AccountId> = if viewer_id.is_empty() { None } else { Some(found(&viewer_id)?) };
        read(self.app.group_names(viewer, &all(&group_ids)?).await)
    }
}
